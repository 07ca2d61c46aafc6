"""The command line: one module a command, put together here; errors end in one place."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from tabbydoctor.cli.errors import CommandError, report_error
from tabbydoctor.cli.option import NotPlain, plain_call
from tabbydoctor.cli.options import TARGET_OPTIONS
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

PLAIN = ("check",)
"""Commands that need no typer where their command line is plain."""


INTERRUPTED = 130
_UNWRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF, errno.EFBIG)
"""How writing to standard output fails, beside a reader that has left (EPIPE)."""


def run(arguments: Sequence[str]) -> int:
    """Run one command. Every way it can end gives an exit code, none a traceback."""
    format = wanted_format(arguments)
    outcome: object = 0
    if sys.stdout is None:  # closed: nothing that is found or done could be told
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the end
        closed = "standard output is closed: nothing was done"
        return report_error(CommandError(closed, hint="open it, or lead it to a file"))
    try:
        outcome = _outcome(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        outcome = INTERRUPTED
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


def _outcome(arguments: Sequence[str]) -> object:
    """What a command comes to: by itself where its command line is plain, else through typer."""
    if arguments and arguments[0] in PLAIN:
        with contextlib.suppress(NotPlain):
            return plain_call(function_of(arguments[0]), arguments[1:])()
    from tabbydoctor.cli.command_line import by_typer

    return by_typer(arguments)


def function_of(name: str) -> Any:
    """The function of a command, or its group of commands; imported now."""
    module, _, function = COMMANDS[name][1].partition(":")
    return getattr(import_module(f"tabbydoctor.cli.{module}"), function or module)


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
