"""The command line as typer reads it: help, usage errors, and all that is not plain."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

from tabbydoctor import __version__
from tabbydoctor.cli.app import COMMANDS, function_of
from tabbydoctor.cli.errors import CommandError
from tabbydoctor.cli.help import HelpfulCommand, HelpfulGroup
from tabbydoctor.cli.nearest import did_you_mean
from tabbydoctor.cli.option import typed
from tabbydoctor.invocation import invocation

_NO_CHOICE = re.compile(r"'([^']*)' is not one of")


def by_typer(arguments: Sequence[str]) -> object:
    """Run a command; what it comes to. Raises CommandError for a mistake in the command line."""
    try:
        return typer.main.get_command(command_line(arguments)).main(
            list(arguments) or ["--help"], prog_name="tabbydoctor", standalone_mode=False
        )
    except Abort as interrupt:
        raise KeyboardInterrupt from interrupt
    except TyperException as error:
        raise _usage(error) from error


def command_line(arguments: Sequence[str] = ()) -> typer.Typer:
    """The command line; of the command that these arguments call alone, where they call one."""
    app = typer.Typer(
        name="tabbydoctor",
        cls=HelpfulGroup,
        help="The doctor for TabbyAPI servers: what is wrong, what causes what, and the way out.",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    called = [name for name in arguments[:1] if name in COMMANDS]
    for name in called or COMMANDS:
        found, panel = function_of(name), COMMANDS[name][0]
        if isinstance(found, typer.Typer):
            for one in found.registered_commands:
                one.callback = typed(one.callback) if one.callback else None
            app.add_typer(found, name=name, rich_help_panel=panel)
        else:
            app.command(name, cls=HelpfulCommand, rich_help_panel=panel)(typed(found))
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tabbydoctor {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """The doctor for TabbyAPI servers: what is wrong, what causes what, and the way out."""


def _usage(error: TyperException) -> CommandError:
    context = getattr(error, "ctx", None)
    words = context.command_path.removeprefix("tabbydoctor").strip() if context else ""
    otherwise = f"see {invocation(f'{words} --help'.strip())}"
    message = error.format_message().replace("Value error, ", "")
    if option := getattr(error, "option_name", ""):
        known = [name for one in context.command.params for name in one.opts] if context else []
        message = getattr(error, "message", message)
        return CommandError(message, hint=did_you_mean(option, known, otherwise))
    choices = (getattr(getattr(error, "param", None), "metavar", None) or "").split("|")
    word = _NO_CHOICE.search(message)
    hint = did_you_mean(word[1], choices, otherwise) if word else otherwise
    return CommandError(message, hint=hint)
