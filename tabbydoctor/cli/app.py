"""The command line: one module a command, put together here; errors end in one place."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

from tabbydoctor import __version__
from tabbydoctor.cli.errors import CommandError, report_error
from tabbydoctor.cli.help import HelpfulCommand, HelpfulGroup
from tabbydoctor.cli.nearest import did_you_mean
from tabbydoctor.cli.options import TARGET_OPTIONS
from tabbydoctor.invocation import invocation
from tabbydoctor.redaction import remember
from tabbydoctor.redaction.values import looks_secret

PANELS: Mapping[str, Mapping[str, str]] = {
    "Look": {
        "check": "check",
        "config": "config",
        "probe": "probe",
        "vram": "vram",
        "explain": "explain",
        "list": "listing:list_checks",
    },
    "Repair": {"fix": "fix", "undo": "undo", "history": "history"},
    "Keep watch": {
        "install-timer": "timer:install_timer",
        "remove-timer": "timer:remove_timer",
        "watch": "watch",
        "merge": "merge",
    },
    "Judge elsewhere": {"bundle": "bundle", "mcp": "mcp"},
    "More": {
        "demo": "demo",
        "nix": "nix:app",
        "schema": "schema",
        "completion": "completion",
        "man": "man",
    },
}
"""Commands in the order of `--help`: name -> the module of the package, with the function where
that has another name. Only the one that is called is imported."""
COMMANDS: Mapping[str, tuple[str, str]] = {
    name: (panel, where) for panel, found in PANELS.items() for name, where in found.items()
}
"""Name -> its panel, and where it is found."""


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
        panel, where = COMMANDS[name]
        module, _, function = where.partition(":")
        found = getattr(import_module(f"tabbydoctor.cli.{module}"), function or module)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name, rich_help_panel=panel)
        else:
            app.command(name, cls=HelpfulCommand, rich_help_panel=panel)(found)
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


INTERRUPTED = 130
_NO_CHOICE = re.compile(r"'([^']*)' is not one of")
_UNWRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF, errno.EFBIG)
"""How writing to standard output fails, beside a reader that has left (EPIPE)."""


def run(arguments: Sequence[str]) -> int:  # noqa: C901 - to be taken apart
    """Run one command. Every way it can end gives an exit code, none a traceback."""
    format = wanted_format(arguments)
    outcome: object = 0
    if sys.stdout is None:  # closed: nothing that is found or done could be told
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the end
        closed = "standard output is closed: nothing was done"
        return report_error(CommandError(closed, hint="open it, or lead it to a file"))
    try:
        outcome = typer.main.get_command(command_line(arguments)).main(
            list(arguments) or ["--help"], prog_name="tabbydoctor", standalone_mode=False
        )
        sys.stdout.flush()
    except (KeyboardInterrupt, Abort):
        outcome = INTERRUPTED
    except TyperException as error:
        _hide_keys(arguments)
        return report_error(_usage(error), format)
    except BrokenPipeError:
        # The reader (head, less) has seen enough; keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno not in _UNWRITTEN or error.filename is not None:
            return report_error(CommandError.crash(error), format)
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the end
        said = f"standard output: {error.strerror}"
        return report_error(CommandError(said, hint="not all was written"))
    except CommandError as error:
        _hide_keys(arguments)
        return report_error(error, format)
    except Exception as error:  # noqa: BLE001 - the doctor itself failed: said, never a traceback
        return report_error(CommandError.crash(error), format)
    if outcome == INTERRUPTED:  # typer turns the interrupt into an exit status
        return report_error(CommandError("interrupted", exit_code=INTERRUPTED), format)
    if not arguments:
        return 2
    return outcome if isinstance(outcome, int) else 0


def wanted_format(arguments: Sequence[str]) -> str:
    """The format that was asked for, told even from arguments that do not parse."""
    pairs = zip(["", *arguments], arguments, strict=False)
    named = [
        two if one == "--format" else two.removeprefix("--format=")
        for one, two in pairs
        if one == "--format" or two.startswith("--format=")
    ]
    return named[-1] if named else "text"


def _hide_keys(arguments: Sequence[str]) -> None:
    """A key given as an argument by mistake is not repeated in the error; what names a part of
    the deployment is.
    """
    before = ""
    for argument in arguments:
        option, _, word = argument.rpartition("=")
        if (option or before) not in TARGET_OPTIONS and looks_secret(word):
            for form in (word, word.upper(), word.lower()):
                remember(form)
        before = argument


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
