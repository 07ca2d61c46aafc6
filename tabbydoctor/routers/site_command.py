"""Telling which file a command line routes by: a Python script, or a gateway's configuration."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

_PYTHON = re.compile(r"^(python|pypy)[\d.]*$")
_APPLICATION = re.compile(r"^([A-Za-z_][\w.]*):[A-Za-z_]\w*(\(\))?$")
_SERVERS = {"uvicorn", "gunicorn", "hypercorn", "daphne", "granian"}
_OPTIONS_WITH_VALUE = ("-X", "-W")


@dataclass(frozen=True, slots=True)
class RouterCommand:
    """A command line that may run a router."""

    path: str | None
    """Its source or configuration file, absolute."""
    kind: str = ""
    """Where the program tells it: `litellm`, `llama-swap`; empty: see the file."""
    python: str | None = None
    """The interpreter, where the command names one."""


def router_command(argv: Sequence[str], directory: str) -> RouterCommand | None:
    """The command taken apart, or None if it runs neither Python source nor a known gateway."""
    words = _words(argv)
    python = next((word for word in words if _PYTHON.match(posixpath.basename(word))), None)
    names = [posixpath.basename(word) for word in words[:6]]
    if "litellm" in names:
        return RouterCommand(_option(words, directory, ("--config", "-c")), "litellm", python)
    if any(name.startswith("llama-swap") for name in names):
        given = _option(words, directory, ("--config", "-config", "-c"))
        return RouterCommand(given or _absolute(directory, "config.yaml"), "llama-swap")
    script = _script(words, directory)
    return RouterCommand(script, "", python) if script else None


def _words(argv: Sequence[str]) -> list[str]:
    """The words, those of a `sh -c` string included."""
    words = list(argv)
    for index, word in enumerate(words[:-1]):
        shell = posixpath.basename(words[0]) in ("sh", "bash", "dash", "zsh")
        if shell and re.fullmatch(r"-\w*c", word):
            try:
                return shlex.split(words[index + 1])
            except ValueError:
                return words[index + 1].split()
    return words


def _script(words: list[str], directory: str) -> str | None:
    base = _option(words, directory, ("--app-dir", "--chdir")) or directory
    served = {posixpath.basename(word) for word in words} & _SERVERS
    for index, word in enumerate(words):
        if word.endswith(".py"):
            return _absolute(directory, word)
        application = _APPLICATION.match(word)
        if served and application:
            return _absolute(base, application[1].replace(".", "/") + ".py")
        module = words[index + 1] if word == "-m" and index + 1 < len(words) else ""
        if module and module not in _SERVERS:
            return _absolute(directory, module.replace(".", "/") + ".py")
    return _interpreted(words, directory)


def _interpreted(words: list[str], directory: str) -> str | None:
    """`python router`: a script without the usual ending."""
    for index, word in enumerate(words):
        if not _PYTHON.match(posixpath.basename(word)):
            continue
        rest = words[index + 1 :]
        while rest and rest[0].startswith("-"):
            if rest[0] in ("-c", "-m"):
                return None
            rest = rest[2 if rest[0] in _OPTIONS_WITH_VALUE else 1 :]
        return _absolute(directory, rest[0]) if rest else None
    return None


def _option(words: list[str], directory: str, names: tuple[str, ...]) -> str | None:
    for index, word in enumerate(words):
        name, given, value = word.partition("=")
        if name in names and given:
            return _absolute(directory, value)
        if word in names and index + 1 < len(words):
            return _absolute(directory, words[index + 1])
    return None


def _absolute(directory: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(directory, path))
