"""Whether the directory TabbyAPI is started in is the one that was meant."""

from __future__ import annotations

import errno
import posixpath

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass

MAIN = "main.py"
_FILES = ("config.yml", "api_tokens.yml")


@dataclass(frozen=True, slots=True)
class ServerProgram:
    """The working directory, the main.py that is run in it, and where the user's files lie."""

    working_directory: str
    directory_exists: bool
    main: str | None
    """The main.py that would be run, an absolute path; None where the command names none."""
    main_exists: bool = True
    files_here: tuple[str, ...] = ()
    """Which of config.yml and api_tokens.yml the working directory holds."""
    files_beside_main: tuple[str, ...] = ()
    """Which of them lie beside main.py, where that is another directory."""
    place: str = ""
    """Where there is a main.py of TabbyAPI's, where the one that would be run is not there: the
    working directory, or one that the interpreter or a name points at; empty where none is seen."""
    executable_exists: bool = True
    """Whether there is a program at the path that `ExecStart=` begins with."""


def program(host: Host, instance: Instance) -> ServerProgram:
    """Look for what the unit runs. Raises Absent without a unit, Unknown without permission."""
    unit = instance.unit
    if unit is None:
        raise Absent("TabbyAPI runs without a unit")
    if instance.contained:
        raise Absent(f"its unit runs {instance.container}")
    directory = instance.directory
    named = _named_main(unit.command, importable="PYTHONPATH" in instance.environment)
    main = posixpath.normpath(posixpath.join(directory, named)) if named else None
    main_exists = main is None or _exists(host, main)
    beside = posixpath.dirname(main) if main else directory
    return ServerProgram(
        working_directory=directory,
        directory_exists=_exists(host, directory),
        main=main,
        main_exists=main_exists,
        place="" if main_exists else _place(host, directory, unit.command),
        files_here=_files(host, directory),
        files_beside_main=_files(host, beside) if beside != directory else (),
        executable_exists=_has_executable(host, unit.command),
    )


def _place(host: Host, directory: str, command: tuple[str, ...]) -> str:
    """The working directory; the one above a virtual environment; one below, by its name."""
    venv = posixpath.dirname(posixpath.dirname(command[0])) if command else ""
    above = [posixpath.dirname(venv)] if venv.startswith("/") else []
    try:
        below = [name for name in host.names(directory) if "tabby" in name.lower()]
    except OSError:
        below = []
    places = (directory, *above, *(posixpath.join(directory, name) for name in below))
    return next((place for place in places if _is_tabby(host, place)), "")


def _is_tabby(host: Host, directory: str) -> bool:
    marks = (MAIN, "common")
    try:
        return all(_exists(host, posixpath.join(directory, mark)) for mark in marks)
    except Unknown:
        return False


def _has_executable(host: Host, command: tuple[str, ...]) -> bool:
    """True too where it cannot be told: no permission, or a name systemd looks for itself."""
    path = command[0] if command else ""
    try:
        return not path.startswith("/") or _exists(host, path)
    except Unknown:
        return True


def _named_main(command: tuple[str, ...], importable: bool) -> str | None:
    """`python main.py`, `python -m main` (unless found elsewhere); a wrapper names none."""
    for word, following in zip(command, (*command, "")[1:], strict=True):
        if posixpath.basename(word) == MAIN:
            return word
        if word == "-m" and following == "main" and not importable:
            return MAIN
    return None


def _files(host: Host, directory: str) -> tuple[str, ...]:
    return tuple(name for name in _FILES if _exists(host, posixpath.join(directory, name)))


def _exists(host: Host, path: str) -> bool:
    try:
        host.status(path)
    except PermissionError as error:
        raise Unknown(f"{path} cannot be looked at without root (use sudo)") from error
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return False
        raise Unknown(f"{path} cannot be looked at: {error.strerror}") from error
    return True


GATHERERS = (program,)
