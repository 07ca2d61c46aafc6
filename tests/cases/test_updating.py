"""start.sh installs packages before it starts TabbyAPI: that is no loading of a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tabbydoctor.host.data import Process

from .scene import CONFIG, MODEL, SERVER, TABBY, URL, Scene, refusing, told

SHELL = replace(SERVER, argv=("/bin/bash", f"{TABBY}/start.sh"))
PIP = replace(
    SERVER, pid=1300, parent=1234, argv=(f"{TABBY}/venv/bin/python3", "-m", "pip", "install", "-U")
)
UV = replace(PIP, argv=("/home/ivan/.local/bin/uv", "pip", "install", "-U", ".[cu12]"))
SAYS = ("Activating venv", "Collecting torch==2.9.0", "  Downloading torch-2.9.0.whl (899.8 MB)")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    scene.write(f"{TABBY}/start.sh", "#!/bin/bash\n", mode=0o755)
    scene.unit = scene.unit.replace(f"{TABBY}/venv/bin/python main.py", f"{TABBY}/start.sh")
    scene.model()
    scene.write(f"{TABBY}/config.yml", f"{CONFIG}{MODEL}")
    scene.endpoint = refusing()
    scene.processes = (SHELL,)
    return scene


@pytest.mark.parametrize(
    ("processes", "log", "evidence"),
    [
        ((SHELL, PIP), (), "python3 -m pip install"),
        ((SHELL, UV), ("Activating venv",), "uv pip install -U"),
        ((SHELL,), SAYS, "Downloading torch-2.9.0.whl (899.8 MB)"),
        ((SHELL,), ("Resolved 96 packages in 812ms",), "Resolved 96 packages in 812ms"),
    ],
)
def test_it_still_installs(
    scene: Scene, processes: tuple[Process, ...], log: tuple[str, ...], evidence: str
) -> None:
    scene.processes, scene.log = processes, log
    said = scene.examine()
    assert said.ids == ["API001"]
    finding = said.finding("API001")
    assert finding.title == f"start.sh still installs TabbyAPI's packages: nothing listens at {URL}"
    assert evidence in told(finding)
    assert "is loading" not in told(finding)
    assert finding.remedies[0].commands == ("sudo journalctl -u tabbyapi.service -f",)


def test_after_that_it_loads(scene: Scene) -> None:
    scene.log = (*SAYS, "Starting TabbyAPI...", "INFO:     Loading model: models/tiny-exl3")
    title = scene.examine().finding("API001").title
    assert title == f"TabbyAPI is loading: nothing listens yet at {URL}"
