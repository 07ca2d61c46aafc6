"""Pointing a router at its front: where its address comes from is changed, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.deployment.unit import EnvironmentFile, Unit, UnitFile
from tabbydoctor.remedies.draft import Draft
from tabbydoctor.remedies.front_address import Pointing


def pointed(draft: Draft, unit: Unit, path: Path | None = None) -> str:
    site = RouterSite(str(path) if path else None, "unknown", unit)
    return Pointing(draft, site, unit, 5000, 5080, "RTR002").done()


def unit_of(text: str, environment: str = "", *files: Path) -> Unit:
    given = tuple(EnvironmentFile(str(path), False, path.read_text()) for path in files)
    of_unit = (UnitFile("/etc/systemd/system/r.service", f"[Service]\n{text}\n"),)
    return Unit("r.service", {"Environment": environment}, of_unit, given)


def drop_in(draft: Draft) -> list[str]:
    (change,) = [one for one in draft.plan().files if one.path.endswith("front.conf")]
    assert change.after is not None
    return change.after.content.decode().splitlines()[2:]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("URL=http://127.0.0.1:5000", "URL=http://127.0.0.1:5080"),
        ("BACKEND=localhost:5000", "BACKEND=localhost:5080"),
        ("URL=http://[::1]:5000/v1", "URL=http://[::1]:5080/v1"),
        ("ALL=http://a:1,http://127.0.0.1:5000", "ALL=http://a:1,http://127.0.0.1:5080"),
        ("TABBY_PORT=5000", "TABBY_PORT=5080"),
        ("LLM_TABBYAPI_PORT=5000", "LLM_TABBYAPI_PORT=5080"),
    ],
)
def test_a_variable_of_its_unit(before: str, after: str) -> None:
    draft = Draft()
    assert pointed(draft, unit_of("", f'"{before}" OTHER=1')) == "the environment of r.service"
    assert drop_in(draft) == [f'Environment="{after}"']


@pytest.mark.parametrize(
    "other",
    [
        "URL=http://127.0.0.1:50001",
        "URL=http://127.0.0.1:15000",
        "URL=http://10.127.0.0.1:5000",
        "URL=http://gpu.lan:5000",
        "NO_PROXY=127.0.0.1:5000",
        "CORS_ORIGINS=http://localhost:5000",
        "PORT=5000",
        "SGLANG_PORT=5000",
        "TABBY_PORT=50001",
    ],
)
def test_what_is_another_s_stays(other: str) -> None:
    draft = Draft()
    assert pointed(draft, unit_of("ExecStart=/opt/r", other)) == ""
    assert draft.plan().empty


def test_an_environment_file_that_overrules_the_unit(tmp_path: Path) -> None:
    path = tmp_path / "r.env"
    path.write_text("# URL=http://127.0.0.1:5000\nURL=http://127.0.0.1:5000\r\nX=5000\n")
    draft = Draft()
    assert pointed(draft, unit_of("", "URL=http://127.0.0.1:5000", path)) == str(path)
    (change,) = draft.plan().files
    assert change.after is not None
    assert change.after.content == (
        b"# URL=http://127.0.0.1:5000\nURL=http://127.0.0.1:5080\r\nX=5000\n"
    )


def test_its_command_line() -> None:
    draft = Draft()
    unit = unit_of("ExecStart=-/opt/r --tabby-port 5000 --url=http://localhost:5000 --n %i")
    assert pointed(draft, unit) == "the command line of r.service"
    assert drop_in(draft) == [
        "ExecStart=",
        "ExecStart=-/opt/r --tabby-port 5080 --url=http://localhost:5080 --n %i",
    ]


def test_a_variable_overrules_the_source(tmp_path: Path) -> None:
    source = tmp_path / "server.js"
    source.write_text("const url = process.env.URL || 'http://127.0.0.1:5000';\n")
    draft = Draft()
    pointed(draft, unit_of(f"ExecStart=node {source}", "URL=http://127.0.0.1:5000"), source)
    assert [change.path for change in draft.plan().files if change.path == str(source)] == []


def test_the_files_that_its_command_line_names(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"tabby_port": 5000,\n "other": "http://127.0.0.1:5000",\n "x": 5000}\n')
    draft = Draft()
    assert pointed(draft, unit_of(f"ExecStart=/opt/r --config={config}")) == str(config)
    (change,) = draft.plan().files
    assert change.after is not None
    assert change.after.content == (
        b'{"tabby_port": 5080,\n "other": "http://127.0.0.1:5080",\n "x": 5000}\n'
    )


def test_a_program_is_never_edited(tmp_path: Path) -> None:
    program = tmp_path / "router"
    program.write_bytes(b"\x7fELF\0http://127.0.0.1:5000\0")
    draft = Draft()
    assert pointed(draft, unit_of(f"ExecStart={program} {program}"), program) == ""
    assert draft.plan().empty
