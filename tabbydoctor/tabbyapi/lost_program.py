"""The program that a failed unit could not run: where it is instead, or what keeps it from it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from tabbydoctor.deployment.exit_status import never_ran
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.paths import find_path
from tabbydoctor.deployment.reader import eyes, reader
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.facts import Absent
from tabbydoctor.host import Account, Host
from tabbydoctor.host.access import PathStatus
from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.last_words import last_words
from tabbydoctor.tabbyapi.log import RunLog

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"
"""What a unit searches that sets none (systemd.exec(5), `PATH`)."""
_HOMES_OWN = (
    *(".local/bin", "bin", ".cargo/bin", ".nix-profile/bin", ".pyenv/shims"),
    *(f"{name}/bin" for name in ("miniconda3", "anaconda3", "miniforge3", "mambaforge")),
)
_EVERYBODYS = (
    *DEFAULT_PATH.split(":"),
    *("/sbin", "/bin", "/snap/bin", "/opt/conda/bin", "/opt/miniconda3/bin"),
    "/run/current-system/sw/bin",
)
_NOT_FOUND, _NOT_RUN, _EXEC = 127, 126, 203


@dataclass(frozen=True, slots=True)
class LostProgram:
    """A program that could not be run."""

    name: str
    """As the command or a script names it."""
    search_path: str
    """The unit's PATH."""
    places: tuple[str, ...] = ()
    """Where a program of that name is, that the account may run."""
    barrier: str = ""
    """What is there and may not be run, or entered on the way to it."""
    interpreter: str = ""
    """The interpreter that its first line names, where that is not there."""
    no_script: bool = False
    """It is text without a first line that names an interpreter."""


def lost_program(host: Host, instance: Instance, log: RunLog | None) -> LostProgram:
    """Look for it. Raises Absent where the unit did not fail of that."""
    unit = instance.unit
    name = _name(unit, log) if unit else ""
    if unit is None or not name:
        raise Absent("no program is missing")
    user = reader(host, instance)
    seen = eyes(host, instance)
    search_path = instance.environment.get("PATH") or DEFAULT_PATH
    way = find_path(seen, name) if name.startswith("/") else None
    barrier, interpreter, plain = _why_not(seen, way, user) if way else ("", "", False)
    places = () if way else tuple(_places(seen, instance, posixpath.basename(name), user))
    return LostProgram(name, search_path, places, barrier, interpreter, plain)


def _name(unit: Unit, log: RunLog | None) -> str:
    status = unit.number("ExecMainStatus")
    if unit.active or status not in (_NOT_FOUND, _NOT_RUN, _EXEC):
        return ""
    ended = log if log and not log.present else None
    words = last_words(ended.lines) if ended and not never_ran(unit) else None
    if words and words.kind in ("lost", "unrunnable"):
        return words.what
    command = unit.loaded_command
    if command and posixpath.basename(command[0]) == "env" and status != _EXEC:
        return next((word for word in command[1:] if not _of_env(word)), "")
    return command[0] if command and status == _EXEC else ""


def _of_env(word: str) -> bool:
    return word.startswith("-") or "=" in word


def _places(host: Host, instance: Instance, name: str, user: Account | None) -> Iterator[str]:
    home = [f"{user.home}/{part}" for part in _HOMES_OWN] if user else []
    own = [f"{instance.directory}/{part}/bin" for part in ("venv", ".venv")]
    for directory in dict.fromkeys((*own, *home, *_EVERYBODYS)):
        path = f"{directory}/{name}"
        way = find_path(host, path)
        if way and way.leaf.is_file and way.leaf.mode & 0o111 and not _denied(way, user):
            yield path


def _denied(way: PathStatus, user: Account | None) -> str:
    if user is None:
        return ""
    barrier = way.denied_at(user.uid, {user.gid, *user.groups}, "x")
    return barrier.path if barrier else ""


def _why_not(host: Host, way: PathStatus, user: Account | None) -> tuple[str, str, bool]:
    barrier = _denied(way, user)
    if barrier:
        return barrier, "", False
    try:
        head = host.read(way.leaf.path, 256, user).data
    except OSError:
        return "", "", False
    first = head.split(b"\n", 1)[0].decode("utf-8", errors="replace")
    words = first[2:].split(" ") if first.startswith("#!") else []
    words = [word for word in words if word]
    if words and find_path(host, words[0]) is None:
        return "", words[0], False
    return "", "", not words and b"\0" not in head and bool(head)


GATHERERS = (lost_program,)
