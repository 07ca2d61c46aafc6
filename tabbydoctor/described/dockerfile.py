"""A Dockerfile: what its last stage will run, and what is baked into it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator

from tabbydoctor.described.parts import Bind, DescribedService, Description, Stated
from tabbydoctor.records import dataclass, field, replace

_CONTINUED = re.compile(r"\\\s*$")
_HEREDOC = re.compile(r"<<-?[\"']?(\w+)[\"']?")
_TABBY = re.compile(r"(?i)theroyallab/tabbyapi")


@dataclass(slots=True)
class _Stage:
    image: str
    line: int
    environment: dict[str, Stated] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    command_line: int = 0
    health: tuple[str, ...] = ()
    health_line: int = 0
    directory: str = ""
    copied: list[Bind] = field(default_factory=list)


def dockerfile(path: str, text: str) -> Description:
    """The container that the last stage makes."""
    stage, names = _Stage("", 1), dict[str, _Stage]()
    clones = bool(_TABBY.search(text))
    for word, rest, line in _instructions(text):
        if word == "FROM":
            stage = _from(rest, line, names)
        else:
            _apply(stage, word, rest, line)
    image = stage.image or ""
    own = stage.entrypoint and not any("main.py" in w for w in (*stage.entrypoint, *stage.command))
    service = DescribedService(
        "image",
        stage.line,
        image=f"{image} tabbyapi" if clones and "tabbyapi" not in image.lower() else image,
        environment=stage.environment,
        command=(*stage.entrypoint, *stage.command),
        command_line=stage.command_line,
        own_entrypoint=bool(own),
        binds=tuple(stage.copied),
        health=stage.health,
        health_line=stage.health_line,
        working_directory=stage.directory,
    )
    return Description(path, "Dockerfile", (service,))


def _from(rest: str, line: int, names: dict[str, _Stage]) -> _Stage:
    words = [word for word in rest.split() if not word.startswith("--")]
    base = words[0] if words else ""
    known = names.get(base.lower())
    stage = (
        replace(known, line=line, environment=dict(known.environment), copied=list(known.copied))
        if known
        else _Stage(base, line)
    )
    if len(words) > 2 and words[1].lower() == "as":
        names[words[2].lower()] = stage
    return stage


def _apply(stage: _Stage, word: str, rest: str, line: int) -> None:
    if word in ("ENV", "ARG"):
        stage.environment.update(_pairs(rest, line))
    elif word == "WORKDIR":
        stage.directory = rest.strip().strip("\"'")
    elif word == "ENTRYPOINT":
        stage.entrypoint, stage.command_line, stage.command = _words(rest), line, ()
    elif word == "CMD":
        stage.command, stage.command_line = _words(rest), line
    elif word == "HEALTHCHECK":
        _, found, test = rest.partition("CMD")
        words = _words(test)
        shell = () if test.strip().startswith("[") else ("CMD-SHELL",)
        stage.health, stage.health_line = ((*shell, *words) if found else ()), line
    elif word in ("COPY", "ADD"):
        paths = [each for each in _words(rest) if not each.startswith("--")]
        for source in paths[:-1]:
            stage.copied.append(Bind(source, paths[-1], line))


def _pairs(rest: str, line: int) -> Iterator[tuple[str, Stated]]:
    words = _words(rest)
    if words and "=" not in words[0]:
        yield words[0], Stated(" ".join(words[1:]), line)
        return
    for word in words:
        name, equals, value = word.partition("=")
        if equals:
            yield name, Stated(value, line)


def _words(text: str) -> tuple[str, ...]:
    """The exec form is JSON; anything else is a shell's line."""
    stripped = text.strip()
    if stripped.startswith("["):
        try:
            found = json.loads(stripped)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, list):
            return tuple(map(str, found))
    try:
        return tuple(shlex.split(stripped))
    except ValueError:
        return tuple(stripped.split())


def _instructions(text: str) -> Iterator[tuple[str, str, int]]:
    """Instruction, the rest, and its line; continued lines are one, heredocs are left out."""
    pending, begun, ends = "", 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if ends:
            ends = "" if line.strip() == ends else ends
            continue
        if line.lstrip().startswith("#") or (pending and not line.strip()):
            continue
        begun = begun or number
        pending += _CONTINUED.sub(" ", line)
        if _CONTINUED.search(line):
            continue
        word, _, rest = pending.strip().partition(" ")
        heredoc = _HEREDOC.search(rest) if word.upper() in ("RUN", "COPY", "ADD") else None
        ends = heredoc[1] if heredoc else ""
        if word:
            yield word.upper(), rest.strip(), begun
        pending, begun = "", 0
