"""The machine output of `check`: one JSON document, whatever happens."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, TextIO

from tabbydoctor.diagnosis.report import Report
from tabbydoctor.reports.visible import visible_json

_SURROGATE = re.compile("[\ud800-\udfff]")


class JsonReporter:
    """`check --format json`."""

    name = "json"

    def write(self, report: Report, stream: TextIO, *, verbose: bool) -> None:
        """Write the document; `verbose` adds nothing, everything is in it."""
        write_document(to_document(report), stream)


def to_document(report: Report) -> dict[str, Any]:
    """The document of one run of `check`."""
    from tabbydoctor.reports.check_document import check_document
    from tabbydoctor.reports.documents.base import plain

    return plain(check_document(report))


def error_document(message: str, hint: str, exit_code: int) -> dict[str, Any]:
    """The document in place of any other when a command could not run."""
    from tabbydoctor.reports.documents.base import plain
    from tabbydoctor.reports.documents.check import ErrorDocument, FailurePart

    error = FailurePart(message=message, hint=hint)
    return plain(ErrorDocument(error=error, exit_code=exit_code))


def dumps(document: Mapping[str, Any], *, indent: int | None = 2) -> str:
    """A document as text that UTF-8 can hold: lone surrogates become U+FFFD.

    What cannot be seen is escaped: controls and marks of direction that JSON would let through.
    """
    text = json.dumps(_plain(document), ensure_ascii=False, indent=indent, allow_nan=False)
    return visible_json(_SURROGATE.sub("\ufffd", text))


def write_document(document: Mapping[str, Any], stream: TextIO) -> None:
    """Write a document and a line end (RFC 8259)."""
    write_utf8(dumps(document) + "\n", stream)


def write_utf8(text: str, stream: TextIO) -> None:
    """Write a text in UTF-8 whatever the locale says."""
    binary = getattr(stream, "buffer", None)
    if binary is None:
        stream.write(text)
        return
    stream.flush()
    binary.write(text.encode("utf-8", "replace"))
    binary.flush()


def _plain(value: object) -> Any:
    """A value as JSON has it; what JSON lacks (dates, infinities, paths) as its text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return str(value)
