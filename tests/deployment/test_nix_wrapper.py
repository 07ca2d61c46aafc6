"""The package behind a wrapper in the store, and what Python finds before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabbydoctor.demo import standin
from tabbydoctor.deployment.nix_wrapper import package_directory, shadows
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.tabbyapi.installed import installation
from tests.lab.nixos import WRAPPER
from tests.scratch_host import ScratchHost

STORE = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz"
PROGRAM = f"{STORE}-tabbyapi/bin/tabbyapi"
DATA = "/var/lib/tabbyapi"
MARK = "common/config_models.py"


def write(root: Path, path: str, text: str) -> None:
    place = Path(f"{root}{path}")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def deployment(root: Path, wrapper: str, program: str = PROGRAM) -> Instance:
    """A unit that runs a wrapper; the package is where its PYTHONPATH says."""
    write(root, PROGRAM, wrapper)
    standin.install(Path(f"{root}{STORE}-tabbyapi/lib"))
    unit = Unit("tabbyapi.service", {"ExecStart": f"{{ path=x ; argv[]={program} ; }}"})
    return Instance(DATA, unit=unit)


MADE = WRAPPER.replace("@package@", f"{STORE}-tabbyapi").replace("@python@", f"{STORE}-p/python")


def test_the_keys_are_those_of_the_package(tmp_path: Path) -> None:
    found = installation(ScratchHost(tmp_path), deployment(tmp_path, MADE))
    assert found.exact
    assert found.source == f"{STORE}-tabbyapi/lib/{MARK}"


def test_a_clone_in_the_working_directory_comes_first(tmp_path: Path) -> None:
    made = deployment(tmp_path, MADE)
    assert shadows(ScratchHost(tmp_path), DATA) == ()
    standin.install(Path(f"{tmp_path}{DATA}"))
    assert installation(ScratchHost(tmp_path), made).source == f"{DATA}/{MARK}"
    assert f"{DATA}/main.py" in shadows(ScratchHost(tmp_path), DATA)


def test_a_wrapper_of_a_wrapper(tmp_path: Path) -> None:
    inner = f"{STORE}-tabbyapi/bin/.tabbyapi-wrapped"
    made = deployment(tmp_path, f'#!/bin/sh\nexec -a "$0" "{inner}"  "$@"\n')
    write(tmp_path, inner, MADE)
    found = package_directory(ScratchHost(tmp_path), made, MARK)
    assert found == f"{STORE}-tabbyapi/lib"


@pytest.mark.parametrize(
    "wrapper",
    [
        "\x7fELF " + MADE,
        "#!/bin/sh\nexec python -m main\n",
        f"#!/bin/sh\nexec {PROGRAM}-wrapped\n",
        MADE.replace("tabbyapi/lib", "other/lib"),
    ],
)
def test_what_tells_nothing(tmp_path: Path, wrapper: str) -> None:
    made = deployment(tmp_path, wrapper)
    assert package_directory(ScratchHost(tmp_path), made, MARK) is None
    assert not installation(ScratchHost(tmp_path), made).exact


def test_a_program_that_runs_itself_ends(tmp_path: Path) -> None:
    program = f"{STORE}-tabbyapi/bin/.x-wrapped"
    made = deployment(tmp_path, MADE, program)
    write(tmp_path, program, f"#!/bin/sh\nexec {program}\nexec {program}\n")
    assert package_directory(ScratchHost(tmp_path), made, MARK) is None


def test_a_program_outside_the_store(tmp_path: Path) -> None:
    made = deployment(tmp_path, MADE, "/usr/bin/tabbyapi")
    write(tmp_path, "/usr/bin/tabbyapi", MADE)
    assert package_directory(ScratchHost(tmp_path), made, MARK) is None
