"""Any text as it may leave the doctor."""

from __future__ import annotations

from tabbydoctor.redaction import redact
from tabbydoctor.reports.visible import visible_lines


def leaving(text: str) -> str:
    """The text without secrets, and with what cannot be seen spelt out. Its lines stay."""
    return visible_lines(redact(text))
