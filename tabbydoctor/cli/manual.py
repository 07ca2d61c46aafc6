"""What there is to say about a command, for its `--help` and its man page."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tabbydoctor.cli.examples import EXAMPLES, Example
from tabbydoctor.diagnosis.check import first_sentence

OWN = "Options"
Row = tuple[str, str]
"""What is typed, and what it means."""


@dataclass(frozen=True, slots=True)
class Manual:
    """A command as it is explained."""

    words: str
    """As it is typed after the program's name; empty for the program itself."""
    usage: str
    summary: str
    paragraphs: tuple[str, ...]
    """The text, which begins with the summary."""
    panels: tuple[tuple[str, tuple[Row, ...]], ...]
    """Arguments, commands and options below their headings."""
    examples: tuple[Example, ...]


def manual_of(command: Any, context: Any) -> Manual:
    """The manual of a command of the command line, in the context that it is called in."""
    words = " ".join(context.command_path.split()[1:])
    panels: dict[str, list[Row]] = {}
    for heading, row in (*_commands(command), *_parameters(command, context)):
        panels.setdefault(heading, []).append(row)
    return Manual(
        words,
        _usage(command),
        summary_of(command),
        tuple(" ".join(one.split()) for one in _help(command).split("\n\n")),
        tuple((heading, tuple(rows)) for heading, rows in panels.items()),
        EXAMPLES.get(words, ()),
    )


def summary_of(command: Any) -> str:
    """The first sentence of its help, whole."""
    return first_sentence(_help(command))


def _help(command: Any) -> str:
    return inspect.cleandoc(command.help or "")


def _usage(command: Any) -> str:
    if hasattr(command, "commands"):
        return "[OPTIONS] COMMAND [ARGS]..."
    return " ".join(["[OPTIONS]", *(typed for typed, _ in _arguments(command))])


def _arguments(command: Any) -> Iterator[Row]:
    for one in command.params:
        if one.param_type_name == "argument" and not one.hidden:
            yield one.metavar or one.name, one.help or ""


def _commands(command: Any) -> Iterator[tuple[str, Row]]:
    for name, one in getattr(command, "commands", {}).items():
        if not one.hidden:
            yield one.rich_help_panel or "Commands", (name, summary_of(one))


def _parameters(command: Any, context: Any) -> Iterator[tuple[str, Row]]:
    yield from (("Arguments", row) for row in _arguments(command))
    for one in command.get_params(context):
        if one.param_type_name == "option" and (row := one.get_help_record(context)):
            yield getattr(one, "rich_help_panel", None) or OWN, row
