"""GPU021: a compiler and Python's headers, by files of a scratch machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.gpu.triton_cannot_build import triton_cannot_build
from tabbydoctor.api import Absent, Finding, Severity
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.gpu.torch import PythonEnvironment
from tabbydoctor.gpu.triton_build import TritonBuild, triton_build
from tests.checks.gpu.machine_tree import NEED
from tests.scratch_host import ScratchHost

SITE = "/srv/tabby/venv/lib/python3.12/site-packages"
ENVIRONMENT = PythonEnvironment("/srv/tabby/venv/bin/python", (SITE,), {"triton": "3.5.1"})


def look(root: Path, *files: str, home: str = "/usr/bin", **variables: str) -> TritonBuild:
    for file in files:
        path = root / file.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    config = root / "srv/tabby/venv/pyvenv.cfg"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f"home = {home}\nversion = 3.12.3\n")
    host = ScratchHost(root, environment={})
    return triton_build(host, Instance("/srv/tabby", environment=variables), ENVIRONMENT)


def judged(build: TritonBuild) -> list[Finding]:
    return list(triton_cannot_build.judge(NEED, build, Instance("/srv/tabby"), None))


HEADER = "/usr/include/python3.12/Python.h"


def test_both_lack(tmp_path: Path) -> None:
    compiler, headers = judged(look(tmp_path))
    assert triton_cannot_build.severity is Severity.INFO
    assert "no C compiler" in compiler.title
    assert headers.remedies[0].commands[0] == "sudo apt-get install python3.12-dev"


@pytest.mark.parametrize(
    ("files", "home", "variables"),
    [
        (("/usr/bin/gcc", HEADER), "/usr/bin", {}),
        (("/usr/bin/clang", HEADER), "/usr/bin", {}),
        (("/opt/cc/mycc", HEADER), "/usr/bin", {"CC": "/opt/cc/mycc"}),
        (("/opt/cc/gcc", HEADER), "/usr/bin", {"PATH": "/opt/cc:/bin"}),
        (("/usr/bin/gcc", "/opt/uv/py/include/python3.12/Python.h"), "/opt/uv/py/bin", {}),
        (("/usr/bin/gcc", HEADER), "/usr/local/bin", {}),
    ],
)
def test_both_are_there(
    tmp_path: Path, files: tuple[str, ...], home: str, variables: dict[str, str]
) -> None:
    assert judged(look(tmp_path, *files, home=home, **variables)) == []


@pytest.mark.parametrize(
    ("files", "variables", "said"),
    [
        (("/usr/bin/gcc", HEADER), {"PATH": "/srv/tabby/venv/bin"}, "no C compiler"),
        (("/usr/bin/gcc", HEADER), {"CC": "/opt/cc/none"}, "no C compiler"),
        (("/usr/bin/gcc", "/usr/include/python3.11/Python.h"), {}, "no Python.h"),
    ],
)
def test_near_misses(
    tmp_path: Path, files: tuple[str, ...], variables: dict[str, str], said: str
) -> None:
    (finding,) = judged(look(tmp_path, *files, **variables))
    assert said in finding.title


def test_nothing_without_triton(tmp_path: Path) -> None:
    other = PythonEnvironment("p", (SITE,), {})
    with pytest.raises(Absent):
        triton_build(ScratchHost(tmp_path, environment={}), Instance("/srv/tabby"), other)
