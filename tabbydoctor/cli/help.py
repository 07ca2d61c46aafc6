"""`--help`: grouped options, summaries in full, and examples."""

from __future__ import annotations

import shutil
from typing import Any, NoReturn

from typer.core import TyperCommand, TyperGroup

from tabbydoctor.cli.errors import CommandError
from tabbydoctor.cli.examples import Example
from tabbydoctor.cli.manual import Manual, manual_of
from tabbydoctor.cli.nearest import did_you_mean
from tabbydoctor.invocation import invocation
from tabbydoctor.reports.page import PIPE_WIDTH, TERMINAL_WIDTH, Page

_WIDEST = 26
"""Columns for what is typed; what is longer has a line of its own."""


class HelpfulCommand(TyperCommand):
    """A command with this look of its `--help`."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help of this command."""
        formatter.write(_text(manual_of(self, ctx)))


class HelpfulGroup(TyperGroup):
    """A group of commands, likewise; it says which one was probably meant."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help of this group."""
        formatter.write(_text(manual_of(self, ctx)))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command of these words. Raises CommandError where there is none."""
        if args[0] not in self.commands and not args[0].startswith("-"):
            self._unknown(ctx, args[0])
        return super().resolve_command(ctx, args)

    def _unknown(self, ctx: Any, word: str) -> NoReturn:
        words = [*ctx.command_path.split()[1:], "--help"]
        hint = did_you_mean(word, self.commands, f"see {invocation(' '.join(words))}")
        raise CommandError(f"there is no command {word!r}", hint=hint)


def _text(manual: Manual) -> str:
    page = Page(max(PIPE_WIDTH, min(TERMINAL_WIDTH, shutil.get_terminal_size().columns)))
    page.flow((f"Usage: {' '.join(filter(None, ('tabbydoctor', manual.words, manual.usage)))}", ""))
    for paragraph in manual.paragraphs:
        page.blank()
        page.flow((paragraph, ""), indent=2)
    for heading, rows in manual.panels:
        page.blank()
        page.flow((f"{heading}:", ""))
        width = min(max(len(typed) for typed, _ in rows), _WIDEST)
        for typed, meaning in rows:
            _row(page, typed, meaning, width)
    if manual.examples:
        page.blank()
        page.flow(("Examples:", ""))
    for example in manual.examples:
        _example(page, example)
    return page.text()


def _row(page: Page, typed: str, meaning: str, width: int) -> None:
    if len(typed) > width:
        page.flow((typed, ""), indent=2)
        typed = ""
    page.flow((typed.ljust(width), ""), ("  ", ""), (meaning, ""), indent=2, hang=width + 4)


def _example(page: Page, example: Example) -> None:
    page.flow((f"# {example.shows}", ""), indent=2, hang=4)
    page.command(invocation(example.arguments, root=example.root), indent=2)
