"""Which file a command line starts with: decided by the files that are there, nothing is run."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tabbydoctor.host.local import LocalHost
from tabbydoctor.routers.site.command import RouterCommand, router_command

from .programs import SCRIPT, environment, place


def entry(command: str, directory: Path, **variables: str) -> RouterCommand:
    """The entry of a command line in a directory; `{venv}` and the like are filled in before."""
    found = router_command(shlex.split(command), str(directory), LocalHost(), variables)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("program", "command", "path", "roots"),
    [
        ("switchboard", "uvicorn switchboard.app:app --port 1", "switchboard/app.py", ["."]),
        ("switchboard", "python -m uvicorn switchboard.app:app", "switchboard/app.py", ["."]),
        ("switchboard", "hypercorn -b :1 asgi:switchboard.app:app", "switchboard/app.py", ["."]),
        ("switchboard", "daphne switchboard.app:app", "switchboard/app.py", ["."]),
        ("switchboard", "granian --workers 2 switchboard.app:app", "switchboard/app.py", ["."]),
        ("switchboard", "gunicorn -k uvicorn.workers.UvicornWorker switchboard.app:app",
         "switchboard/app.py", ["."]),
        ("switchboard", "gunicorn -c switchboard/conf.py switchboard.app",
         "switchboard/app.py", ["."]),
        ("switchboard", "gunicorn -b unix:run.sock -c python:switchboard.conf switchboard.app:app",
         "switchboard/app.py", ["."]),
        ("switchboard", "python -X dev -W ignore -u -B -m uvicorn switchboard.app:app",
         "switchboard/app.py", ["."]),
        ("switchboard", "python switchboard/app.py --server uvicorn --app x:app",
         "switchboard/app.py", ["switchboard"]),
        ("switchboard", "uvicorn --factory switchboard:make", "switchboard/__init__.py", ["."]),
        ("switchboard", "fastapi run switchboard/app.py", "switchboard/app.py", ["."]),
        ("switchboard", "sh -c 'exec uvicorn switchboard.app:app'", "switchboard/app.py", ["."]),
        ("gatehouse", "uvicorn gatehouse.web:app --app-dir src", "src/gatehouse/web.py", ["src"]),
        ("gatehouse", "uvicorn --app-dir=src gatehouse.web:app", "src/gatehouse/web.py", ["src"]),
        ("gatehouse", "gunicorn --chdir src gatehouse.web:app", "src/gatehouse/web.py", ["src"]),
        ("gatehouse", "gunicorn --pythonpath src gatehouse.web:app",
         "src/gatehouse/web.py", [".", "src"]),
        ("gatehouse", "env PYTHONPATH=src uvicorn gatehouse.web:app",
         "src/gatehouse/web.py", [".", "src"]),
        ("gatehouse", "sh -c 'cd src && python -m gatehouse.cli'", "src/gatehouse/cli.py", ["src"]),
        ("gatehouse", "fastapi run src/gatehouse/web.py", "src/gatehouse/web.py", ["src"]),
        ("relaydesk", "python -m relaydesk", "relaydesk/__main__.py", ["."]),
        ("relaydesk", "python3.12 -u -m relaydesk.handler", "relaydesk/handler.py", ["."]),
        ("relaydesk", "python relaydesk/__main__.py", "relaydesk/__main__.py", ["relaydesk"]),
        ("frontdesk", "flask --app frontdesk run -p 1", "frontdesk/__init__.py", ["."]),
        ("frontdesk", "flask --app=frontdesk:create_app run", "frontdesk/__init__.py", ["."]),
        ("frontdesk", "flask --app frontdesk/views.py run", "frontdesk/views.py", ["."]),
        ("frontdesk", "env FLASK_APP=frontdesk.views flask run", "frontdesk/views.py", ["."]),
        ("frontdesk", "gunicorn 'frontdesk:create_app()'", "frontdesk/__init__.py", ["."]),
    ],
)  # fmt: skip
def test_the_entry_of_a_package(
    tmp_path: Path, program: str, command: str, path: str, roots: list[str]
) -> None:
    project = place(program, tmp_path)
    (project / program / "conf.py").write_text("") if (project / program).is_dir() else None
    found = entry(command, project)
    assert found.path == str(project / path)
    assert found.roots == tuple(str(project / root) for root in roots)


def test_a_variable_of_the_unit_says_where_imports_start(tmp_path: Path) -> None:
    project = place("gatehouse", tmp_path)
    found = entry("uvicorn gatehouse.web:app", tmp_path, PYTHONPATH="gatehouse/src")
    assert found.path == str(project / "src/gatehouse/web.py")
    assert found.roots == (str(tmp_path), str(project / "src"))


FINDER = "MAPPING: dict[str, str] = {{'{0}': '{1}'}}\nNAMESPACES: dict[str, list[str]] = {{}}\n"
EXACT = "from editables.redirector import F\nF.map_module('gatehouse', '{1}/__init__.py')\n"


@pytest.mark.parametrize("launch", ["{script}", "{python} {script}", "uv run gatehouse"])
@pytest.mark.parametrize("way", ["path", "finder", "exact", "link", "pipx"])
def test_a_console_script_of_an_editable_install(tmp_path: Path, way: str, launch: str) -> None:
    project = place("gatehouse", tmp_path)
    venv = project / ".venv"
    site = environment(venv, {"gatehouse": "gatehouse.cli:main"})
    own = project / "src/gatehouse"
    if way in ("path", "pipx"):
        (site / "__editable__.gatehouse-1.pth").write_text(f"# src\n{own.parent}\n")
    elif way == "link":
        (site / "gatehouse").symlink_to(own)
    else:
        (site / "__editable__.gatehouse-1.pth").write_text("import __editable___gatehouse_finder\n")
        text = (FINDER if way == "finder" else EXACT).format("gatehouse", own)
        (site / "__editable___gatehouse_finder.py").write_text(text)
    script = venv / "bin/gatehouse"
    if way == "pipx":
        (tmp_path / "gatehouse-command").symlink_to(script)
        script = tmp_path / "gatehouse-command"
    found = entry(launch.format(script=script, python=venv / "bin/python"), project)
    assert (found.path, found.kind) == (str(own / "cli.py"), "")
    assert found.roots == (str(own.parent),)


def test_the_server_of_an_environment_sees_its_editable_installs(tmp_path: Path) -> None:
    project = place("gatehouse", tmp_path)
    site = environment(tmp_path / "venv", {"uvicorn": "uvicorn.main:main"})
    (site / "gatehouse.pth").write_text(f"{project / 'src'}\n")
    for command in ("{0}/bin/uvicorn", "{0}/bin/python -m uvicorn"):
        found = entry(f"{command.format(tmp_path / 'venv')} gatehouse.web:app", tmp_path)
        assert found.path == str(project / "src/gatehouse/web.py")


def test_an_installed_copy_is_no_source_to_edit(tmp_path: Path) -> None:
    project = place("gatehouse", tmp_path)
    site = environment(tmp_path / "venv", {"gatehouse": "gatehouse.cli:main"})
    (project / "src/gatehouse").rename(site / "gatehouse")
    found = entry(f"{tmp_path}/venv/bin/gatehouse", project)
    assert (found.path, found.kind) == (str(site / "gatehouse/cli.py"), "unknown")
    named = entry(f"python {site}/gatehouse/cli.py", project)
    assert named.kind == ""


def test_a_script_of_its_own_is_no_console_script(tmp_path: Path) -> None:
    script = tmp_path / "router"
    script.write_text("#!/usr/bin/python3\nfrom x import y\n\ndef main():\n    y()\n\nmain()\n")
    found = entry(str(script), tmp_path)
    assert (found.path, found.roots) == (str(script), (str(tmp_path),))
    script.write_bytes(b"\x7fELF" + SCRIPT.encode())
    assert router_command([str(script)], str(tmp_path), LocalHost()) is None
