"""How a command that cannot do its work says so: on stderr, and as a document for machines."""

from __future__ import annotations

import sys
import traceback

from tabbydoctor.redaction import redact
from tabbydoctor.reports.json_report import error_document, write_document


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


def report_error(error: CommandError, *, as_json: bool) -> int:
    """Say it, redacted; the return value is the exit code."""
    message, hint = redact(error.message), redact(error.hint)
    if as_json:
        write_document(error_document(message, hint, error.exit_code), sys.stdout)
    sys.stderr.write(f"tabbydoctor: {message}\n")
    if hint:
        sys.stderr.write(f"  {hint}\n")
    return error.exit_code
