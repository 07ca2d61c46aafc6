"""A program that cannot be run, in a unit or in its script; one that asks, and nobody is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabbydoctor.api import Safety

from .scene import FRAGMENT, HOME, TABBY, Said, Scene, failed, refusing, told

PYTHON = f"ExecStart={TABBY}/venv/bin/python main.py"
UV = f"{HOME}/.local/bin/uv"
DROP_IN = "/etc/systemd/system/tabbyapi.service.d/zz-tabbydoctor"
ENV_WORDS = "/usr/bin/env: \u2018uv\u2019: No such file or directory"


def starts(command: str) -> str:
    """The unit with another command."""
    return FRAGMENT.replace(PYTHON, f"ExecStart={command}")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    scene.endpoint = refusing()
    return scene


def says(scene: Scene, status: int, command: str, *log: str) -> Said:
    scene.unit, scene.state, scene.log = starts(command), failed(status), log
    return scene.examine()


@pytest.mark.parametrize(
    ("command", "line", "words"),
    [
        ("/usr/bin/env uv run main.py", ENV_WORDS, f"{UV} run main.py"),
        (
            "/usr/bin/env uv run main.py",
            "env: 'uv': No such file or directory",
            f"{UV} run main.py",
        ),
        ("/usr/bin/env uv run main.py", "", f"{UV} run main.py"),
        ("/bin/sh -c 'exec uv run main.py'", "/bin/sh: 1: exec: uv: not found", ""),
        ("/bin/bash -c 'uv run main.py'", "/bin/bash: line 1: uv: command not found", ""),
        (f"{HOME}/run.sh", f"{HOME}/run.sh: line 3: uv: command not found", ""),
    ],
)
def test_a_program_that_is_not_in_the_units_path(
    scene: Scene, command: str, line: str, words: str
) -> None:
    scene.write(UV, "#!/bin/sh\n", mode=0o755)
    said = says(scene, 127, command, *([line] if line else []))
    assert said.ids == ["SVC002"]
    assert "API001" in said.explains("SVC002")
    finding = said.finding("SVC002")
    assert finding.title == "tabbyapi.service failed: exit status 127"
    assert finding.detail.endswith(
        f"(/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin); it is at {UV}."
    )
    assert [one.actual for one in finding.evidence[1:]] == ([line] if line else [])
    remedies = {one.title: one for one in finding.remedies}
    if words:
        first = remedies[f"Write its full path, {UV}, in ExecStart="]
        assert f"'ExecStart={words}' | sudo tee -a {DROP_IN}-program.conf" in first.commands[1]
        assert finding.remedies[0] is first
    put = next(one for one in finding.remedies if "in the unit's PATH" in one.title)
    assert f"Environment=PATH={HOME}/.local/bin:/usr/local/sbin:" in put.commands[1]
    assert put.commands[-1] == "sudo systemctl restart tabbyapi.service"


def test_one_that_is_nowhere_is_looked_for_as_the_account_would(scene: Scene) -> None:
    finding = says(scene, 127, "/usr/bin/env uv run main.py", ENV_WORDS).finding("SVC002")
    assert "it is at" not in finding.detail
    assert finding.remedies[0].commands[0] == "sudo -iu ivan sh -c 'command -v uv'"
    assert finding.remedies[0].safety is Safety.MANUAL


def test_a_program_that_another_account_keeps_is_no_way_out(scene: Scene) -> None:
    scene.write("/root/.local/bin/uv", "#!/bin/sh\n", mode=0o755)
    finding = says(scene, 127, "/usr/bin/env uv run main.py", ENV_WORDS).finding("SVC002")
    assert "/root" not in told(finding)


@pytest.mark.parametrize(
    ("script", "mode", "status", "log", "detail", "command"),
    [
        (
            "#!/bin/bash\n",
            0o644,
            203,
            "tabbyapi.service: Failed at step EXEC spawning {0}: Permission denied",
            "Ivan may not run {0}: {0} is not executable for it.",
            "sudo -u ivan chmod a+x {0}",
        ),
        (
            "#!/bin/bash\n",
            0o644,
            126,
            "/bin/sh: 1: {0}: Permission denied",
            "Ivan may not run {0}: {0} is not executable for it.",
            "sudo -u ivan chmod a+x {0}",
        ),
        (
            "#!/bin/bash\r\ncd .\r\n",
            0o755,
            203,
            "tabbyapi.service: Failed at step EXEC spawning {0}: No such file or directory",
            "{0} has the line ends of Windows: its first line names no program.",
            r"sudo -u ivan sed -i 's/\r$//' {0}",
        ),
        (
            "#!/usr/local/bin/bash5\n",
            0o755,
            203,
            "tabbyapi.service: Failed at step EXEC spawning {0}: No such file or directory",
            "The first line of {0} names /usr/local/bin/bash5, which is not there.",
            "sudoedit -u ivan {0}",
        ),
        (
            "cd TabbyAPI\n",
            0o755,
            203,
            "tabbyapi.service: Failed at step EXEC spawning {0}: Exec format error",
            "{0} has no first line that names its interpreter, such as #!/bin/bash.",
            "sudoedit -u ivan {0}",
        ),
    ],
)
def test_a_script_that_is_there_and_cannot_be_run(
    scene: Scene, script: str, mode: int, status: int, log: str, detail: str, command: str
) -> None:
    path = f"{HOME}/run.sh"
    scene.write("/bin/bash", "\x7fELF\0", mode=0o755)
    scene.write(path, script, mode)
    line = f"/bin/sh -c {path}" if status == 126 else path
    said = says(scene, status, line, log.format(path))
    assert said.ids == ["SVC002"]
    finding = said.finding("SVC002")
    expected = detail.format(path)
    assert finding.detail == f"{expected[0].upper()}{expected[1:]}"
    assert finding.remedies[0].commands[0].endswith(command.format(path))


def test_a_virtual_environment_that_moved_is_found(scene: Scene) -> None:
    scene.write(f"{TABBY}/.venv/bin/python3.12", "\x7fELF\0", mode=0o755)
    said = says(scene, 203, f"{TABBY}/env/bin/python3.12 main.py")
    finding = said.finding("SVC002")
    place = f"{TABBY}/.venv/bin/python3.12"
    assert finding.detail == (
        f"{TABBY}/env/bin/python3.12 of ExecStart= is not there; it is at {place}."
    )
    assert finding.remedies[0].title == f"Write its full path, {place}, in ExecStart="


@pytest.mark.parametrize(
    ("status", "name", "words"),
    [
        (205, "LIMITS", "limit"),
        (215, "CPUAFFINITY", "no processor"),
        (225, "NETWORK", "PrivateNetwork="),
        (226, "NAMESPACE", "sandbox"),
        (231, "APPARMOR_PROFILE", "profile"),
        (242, "NUMA_POLICY", "NUMAPolicy="),
        (243, "CREDENTIALS", "LoadCredential="),
    ],
)
def test_what_systemd_could_not_set_up_is_never_the_gpus(
    scene: Scene, status: int, name: str, words: str
) -> None:
    """No GPU here: GPU001 is seen, and is another matter."""
    scene.skip = ""
    scene.model()
    scene.write(f"{TABBY}/config.yml", "model:\n  model_name: tiny-exl3\n")
    said = says(scene, status, f"{TABBY}/venv/bin/python main.py")
    finding = said.finding("SVC002")
    assert finding.title == f"tabbyapi.service failed: {status}/{name}"
    assert words in finding.detail
    assert finding.caused_by == ()


SCRIPT = f"{TABBY}/start.sh"
ASKED = (
    "Venv doesn't exist! Creating one for you.",
    "Activating venv",
    "WARNING: Auto-detection failed. Please ensure you have an NVIDIA GPU installed.",
    "Select your GPU. If you don't know, select Cuda 12.x (A)",
    "Input> Traceback (most recent call last):",
    f'  File "{TABBY}/start.py", line 35, in get_user_choice',
    '    choice = input("Input> ").upper()',
    "EOFError: EOF when reading a line",
)


@pytest.mark.parametrize(
    ("command", "log"),
    [
        (SCRIPT, ASKED),
        (f"/bin/bash {SCRIPT}", (*ASKED[-4:-1], f"Input> {ASKED[-1]}")),
        (f"{TABBY}/venv/bin/python start.py", ASKED[3:]),
    ],
)
def test_start_sh_that_asks_has_no_terminal(
    scene: Scene, command: str, log: tuple[str, ...]
) -> None:
    scene.write(SCRIPT, "#!/bin/bash\n", mode=0o755)
    scene.write(f"{TABBY}/start.py", "")
    said = says(scene, 1, command, *log)
    assert said.ids == ["SVC002"]
    finding = said.finding("SVC002")
    assert finding.detail == (
        "Its start.sh asks which CUDA to use, and a service has no terminal to answer at."
    )
    (line,) = [one.actual for one in finding.evidence[1:]]
    assert line
    assert "EOFError" in line
    assert "venv" not in told(finding).replace(TABBY, "")
    first, second = finding.remedies
    assert first.commands[0] == (
        """printf '%s\\n' '{"gpu_lib": "cu12"}' """
        f"| sudo -u ivan tee {TABBY}/start_options.json"
    )
    assert first.commands[-1] == "sudo systemctl restart tabbyapi.service"
    assert second.commands[0] == f"sudo -H -u ivan {SCRIPT}"


def test_a_loop_of_questions_is_told_alike(scene: Scene) -> None:
    scene.write(SCRIPT, "#!/bin/bash\n", mode=0o755)
    scene.properties = {"ActiveState": "activating", "SubState": "auto-restart", "NRestarts": "7"}
    said = says(scene, 1, SCRIPT, *ASKED)
    assert said.ids == ["SVC002"]
    assert {"API001", "SVC003"} <= set(said.explains("SVC002"))


def test_a_reload_that_is_due_comes_before_the_start(scene: Scene) -> None:
    """The unit was mended, and systemd still runs what it read before."""
    scene.properties = {
        "NeedDaemonReload": "yes",
        "ExecStart": "{ path=/opt/old/python ; argv[]=/opt/old/python main.py ; ignore_errors=no }",
    }
    said = says(scene, 203, f"{TABBY}/venv/bin/python main.py")
    finding = said.finding("SVC002")
    assert finding.detail.startswith("/opt/old/python")
    assert finding.remedies[0].commands == (
        "sudo systemctl daemon-reload",
        "sudo systemctl reset-failed tabbyapi.service",
        "sudo systemctl restart tabbyapi.service",
    )
    assert "its files changed since" in told(finding)
