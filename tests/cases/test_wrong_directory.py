"""SVC007: what is not there, what is, and which of the two settings is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from .scene import FRAGMENT, HOME, TABBY, Scene, failed, refusing, told

CANNOT = "python: can't open file '{}': [Errno 2] No such file or directory"
DROP_IN = "/etc/systemd/system/tabbyapi.service.d/zz-tabbydoctor"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    scene.endpoint, scene.state = refusing(), failed(2)
    return scene


@pytest.mark.parametrize("named", ["./server/main.py", "/opt/TabbyAPI/main.py", "src/main.py"])
def test_the_directory_has_its_main_py_and_the_command_names_another(
    scene: Scene, named: str
) -> None:
    scene.unit = FRAGMENT.replace("main.py", named)
    scene.log = (CANNOT.format(named),)
    said = scene.examine()
    assert said.ids == ["SVC007"]
    finding = said.finding("SVC007")
    assert "without main.py" not in told(finding)
    (evidence,) = finding.evidence
    assert evidence.expected == f"{TABBY}/main.py"
    assert (evidence.actual or "").endswith("/main.py")
    command = f"'ExecStart={TABBY}/venv/bin/python {TABBY}/main.py'"
    assert f"{command} | sudo tee -a {DROP_IN}-program.conf" in finding.remedies[0].commands[1]


@pytest.mark.parametrize("directory", [HOME, "/srv", f"{TABBY}/models"])
def test_the_directory_is_wrong_and_the_right_one_is_found(scene: Scene, directory: str) -> None:
    scene.write(f"{directory}/notes.txt", "")
    scene.unit = FRAGMENT.replace(f"WorkingDirectory={TABBY}", f"WorkingDirectory={directory}")
    scene.log = (CANNOT.format("main.py"),)
    said = scene.examine()
    assert said.ids == ["SVC007"]
    finding = said.finding("SVC007")
    assert finding.evidence[0].actual == f"{directory}, without main.py"
    assert finding.evidence[0].expected == TABBY
    first = finding.remedies[0]
    assert first.title == f"Set WorkingDirectory= to {TABBY}, by a drop-in" or TABBY in first.title
    assert f"WorkingDirectory={TABBY} | sudo tee -a {DROP_IN}-directory.conf" in first.commands[1]


def test_where_no_tabbyapi_is_seen_a_person_must_know(scene: Scene) -> None:
    text = FRAGMENT.replace(f"WorkingDirectory={TABBY}", "WorkingDirectory=/srv")
    scene.unit = text.replace(f"{TABBY}/venv/bin/python", "/usr/bin/python3")
    scene.write("/srv/notes.txt", "")
    scene.write("/usr/bin/python3", "\x7fELF\0", mode=0o755)
    finding = scene.examine().finding("SVC007")
    assert finding.remedies[0].title == "Set WorkingDirectory= to TabbyAPI's directory"
