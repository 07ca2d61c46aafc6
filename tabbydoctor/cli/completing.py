"""Where the cursor of a shell stands in a command line of the doctor's."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class TypedLine:
    """A command line up to the cursor, without the program's name."""

    before: tuple[str, ...]
    """The words that are finished."""
    current: str = ""
    """The one that is begun."""
    kept: str | None = None
    """What of it the shell replaces, where that is less (bash breaks words at `=` and `:`)."""


@dataclass(slots=True)
class Cursor:
    """What of which command is begun."""

    command: Any
    options: dict[str, str] = field(default_factory=dict)
    """Options given before, by the name that they were given by; a flag's value is empty."""
    arguments: list[str] = field(default_factory=list)
    parameter: Any = None
    """The one whose value is begun; None where an option's or a command's name is."""
    text: str = ""
    """What is there of it."""


def typed_words(words: Sequence[str]) -> TypedLine:
    """The line of a shell that tells its words, the begun one as the last."""
    return TypedLine(tuple(words[:-1]), words[-1] if words else "")


def typed_line(told: Sequence[str]) -> TypedLine:
    """That of bash, which tells the line up to the cursor, and what of it it replaces."""
    line, kept = (*told, "", "")[:2]
    words = _split(line)
    if not words or line[-1:].isspace():
        words.append("")
    return TypedLine(tuple(words[1:-1]), words[-1], "" if kept in ("=", ":") else kept)


def _split(line: str) -> list[str]:
    for end in ("", "'", '"', "\\"):  # a quote may be open yet
        try:
            return shlex.split(line + end)
        except ValueError:
            continue
    return line.split()


def cursor(command: Any, typed: TypedLine) -> Cursor:
    """Follow the words of a line from the program's own command on."""
    at = Cursor(command, text=typed.current)
    awaited, literal = None, False
    for word in typed.before:
        if awaited is not None:
            at.options[awaited], awaited = word, None
        elif not literal and word == "--":
            literal = True
        elif not literal and word.startswith("-") and word != "-":
            awaited = _option(at, word)
        elif word in getattr(at.command, "commands", {}):
            at.command = at.command.commands[word]
        else:
            at.arguments.append(word)
    if awaited is not None:
        at.parameter = named(at.command, awaited)
    elif not literal and typed.current.startswith("-"):
        name, given, text = typed.current.partition("=")
        if given:
            at.parameter, at.text = named(at.command, name), text
    elif not hasattr(at.command, "commands"):
        at.parameter = _argument(at)
    return at


def named(command: Any, name: str) -> Any:
    """The option of a command that goes by a name; None where there is none."""
    return next((one for one in command.params if name in one.opts), None)


def _option(at: Cursor, word: str) -> str | None:
    """Take note of an option; its name where its value is the next word."""
    name, given, value = word.partition("=")
    option = named(at.command, name)
    if option is None or option.is_flag or given:
        at.options[name] = value
        return None
    return name


def _argument(at: Cursor) -> Any:
    shown = [
        one
        for one in at.command.params
        if one.param_type_name == "argument" and not getattr(one, "hidden", False)
    ]
    if len(at.arguments) < len(shown):
        return shown[len(at.arguments)]
    return shown[-1] if shown and shown[-1].nargs == -1 else None
