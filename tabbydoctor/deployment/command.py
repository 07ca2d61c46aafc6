"""Telling a command line that runs TabbyAPI from any other, and taking it apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from tabbydoctor.host import Host
from tabbydoctor.records import dataclass

_PYTHON = re.compile(r"^(?:python|pypy)[\d.]*$")
_SHELL = re.compile(r"^(?:ba|da|z|k)?sh$")
_SCRIPTS = ("main.py", "start.py", "start.sh")
# Any one of these beside main.py makes it TabbyAPI's.
_MARKS = ("common/config_models.py", "common/tabby_config.py", "endpoints/OAI", "api_tokens.yml")


@dataclass(frozen=True, slots=True)
class TabbyCommand:
    """A command line that runs TabbyAPI."""

    program: str
    """The directory of main.py."""
    arguments: tuple[str, ...]
    """TabbyAPI's own."""
    python: str | None
    """The interpreter."""
    script: str = ""
    changes_to: str | None = None
    """Where it changes to before it starts the server (start.sh does)."""


def tabby_command(
    host: Host, argv: Sequence[str], directory: str, root: str = "", *, known: bool = False
) -> TabbyCommand | None:
    """The command taken apart, or None if it does not run TabbyAPI.

    `root` is put before paths when looking at files (a container's root seen from outside).
    `known`: that it is TabbyAPI's is told by another than its files, which may not be seen.
    """
    words = list(argv)
    python = None
    while words and _is_launcher(words[0]):
        name = PurePosixPath(words[0]).name
        if _PYTHON.match(name):
            python = words[0]
        words = _without_options(words[1:])
    if not words:
        return None
    first, arguments = words[0], tuple(words[1:])
    name = PurePosixPath(first).name
    if first == "-m" and arguments[:1] == ("main",):
        return TabbyCommand(directory, arguments[1:], python)
    if name in ("tabbyapi", "tabby-api", ".tabbyapi-wrapped"):
        return TabbyCommand(directory, arguments, python or first)
    if name in _SCRIPTS:
        program = str(PurePosixPath(directory, first).parent)
        if known or _looks_like_tabbyapi(host, root + program):
            return TabbyCommand(
                program, arguments, python, first, program if name == "start.sh" else None
            )
    return None


def starts_script(argv: Sequence[str]) -> bool:
    """Whether it may run TabbyAPI, going by the name of what it runs alone."""
    return any(PurePosixPath(word).name in _SCRIPTS for word in argv)


def _is_launcher(word: str) -> bool:
    """What may stand before the script: an interpreter, a shell, env, numactl, nice, …"""
    name = PurePosixPath(word).name
    known = {"env", "nice", "ionice", "numactl", "taskset", "stdbuf", "uv", "exec", "dumb-init"}
    return bool(_PYTHON.match(name) or _SHELL.match(name) or name in known or "=" in word)


def _without_options(words: list[str]) -> list[str]:
    """Interpreter options left out (`-u`, `-X dev`); `-m main` is kept."""
    while words and words[0].startswith("-") and words[0] != "-m":
        words = words[2 if words[0] in ("-X", "-W", "-c", "-n") else 1 :]
    return words[1:] if words[:1] == ["run"] else words


def _looks_like_tabbyapi(host: Host, directory: str) -> bool:
    for mark in _MARKS:
        try:
            host.status(f"{directory}/{mark}")
        except OSError:
            continue
        return True
    return False
