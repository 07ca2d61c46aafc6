"""Every case runs against the stand-in, and against a real server where one is named.

TABBYAPI_DIR names a checkout of TabbyAPI, TABBYAPI_PYTHON an interpreter with its dependencies.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tabbydoctor.demo import standin

from .server import TOKENS, Program, Server

PROGRAMS = ("standin", "tabbyapi")


@pytest.fixture(scope="session")
def standin_program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The stand-in, laid out as a checkout."""
    directory = tmp_path_factory.mktemp("checkout")
    standin.install(directory)
    return Program("standin", sys.executable, directory / "main.py")


@pytest.fixture(scope="session", params=PROGRAMS)
def program(request: pytest.FixtureRequest, standin_program: Program) -> Program:
    """Each of the two servers."""
    if request.param == "standin":
        return standin_program
    checkout, python = os.environ.get("TABBYAPI_DIR"), os.environ.get("TABBYAPI_PYTHON")
    if not checkout or not python:
        pytest.skip("TABBYAPI_DIR and TABBYAPI_PYTHON name no real TabbyAPI")
    return Program("tabbyapi", python, Path(checkout) / "main.py")


@pytest.fixture
def make(program: Program, tmp_path: Path) -> Iterator[Callable[[], Server]]:
    """Makes servers, each in a directory of its own, and ends them."""
    with ExitStack() as servers:
        numbers = iter(range(100))

        def another() -> Server:
            return servers.enter_context(Server(program, tmp_path / f"server{next(numbers)}"))

        yield another


@pytest.fixture
def server(make: Callable[[], Server]) -> Server:
    """One server, not started."""
    return make()


@pytest.fixture(scope="module")
def running(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A healthy server with keys, without a model, shared by the cases of a module."""
    with Server(program, tmp_path_factory.mktemp("shared") / "server") as server:
        files = {"api_tokens.yml": TOKENS, "models/unloadable/readme.txt": "no config.json here"}
        yield server.start(files)
