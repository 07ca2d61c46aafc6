"""How a command that cannot do its work says so: on stderr, and as a document for machines."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
import warnings

from tabbydoctor.redaction import redact
from tabbydoctor.reports.formats import write_failure
from tabbydoctor.reports.visible import visible_lines


class CommandError(Exception):
    """Why a command cannot do its work, and the way out."""

    def __init__(self, message: str, *, hint: str = "", exit_code: int = 2) -> None:
        """`exit_code` is what the process ends with."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code

    @classmethod
    def crash(cls, error: Exception) -> CommandError:
        """A fault of the doctor's own: what and where, enough to report it."""
        frames = traceback.extract_tb(error.__traceback__)
        where = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
        return cls(
            f"the doctor itself failed: {type(error).__name__}: {error}{where}",
            hint="please report this; nothing was changed",
        )


def hide_from_python() -> None:
    """Keep Python and libraries from writing on stderr what no redactor has seen: warnings about
    others' sources, tracebacks of threads, log lines.
    """
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    logging.getLogger().addHandler(logging.NullHandler())
    sys.excepthook = lambda _kind, error, _trace: _say_crash(error)
    sys.unraisablehook = lambda unraisable: _say_crash(unraisable.exc_value)
    threading.excepthook = lambda arguments: _say_crash(arguments.exc_value)


def _say_crash(error: BaseException | None) -> None:
    if isinstance(error, Exception):
        report_error(CommandError.crash(error))


def report_error(error: CommandError, format: str = "text") -> int:
    """Say it, redacted, on stderr; in a format for programs on stdout, too. The exit code."""
    message, hint = redact(error.message), redact(error.hint)
    write_failure(format, message, hint, error.exit_code, sys.stdout)
    sys.stderr.write(f"tabbydoctor: {visible_lines(message)}\n")
    if hint:
        sys.stderr.write(f"  {visible_lines(hint)}\n")
    return error.exit_code
