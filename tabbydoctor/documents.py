"""Parsing texts that may be hostile: bounded in time and memory, and one kind of error.

What is refused: too much of it, nested too deeply, aliases that expand beyond measure, numbers
of thousands of digits. Messages repeat no value, which may be a secret.
"""

from __future__ import annotations

import ast
import datetime
import json
import re
import tomllib
from functools import lru_cache
from typing import Any

MOST_TEXT = 256 << 10
"""Characters of YAML or TOML: both are read in pure Python."""
MOST_MEMORY = 96 << 20
"""Bytes that the values of a JSON document may take, as estimated from its text."""
MOST_TOKENS = 150_000
"""Words and signs of a Python source; each may become a node of half a kilobyte."""

_BYTES = {"{": 232, "[": 88, ",": 100}
"""What a sign of JSON stands for in memory, at most."""
_TOKEN = re.compile(r"\w+|[^\w\s]")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(\.\d{1,18})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,18}")


class Unreadable(ValueError):  # noqa: N818 - an answer
    """A text is no such document, or more than is read; `line` is where, if that is known."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line


class Oversized(Unreadable):
    """It may well be such a document, and is more than is read."""


def whole_number(text: str) -> int | None:
    """The number that ASCII digits alone stand for; None for any other text or too many."""
    return int(text) if _DIGITS.fullmatch(text) else None


def seconds(text: str) -> float | None:
    """Seconds since the epoch of an RFC 3339 time, which may have more digits of a second than
    Python takes; None for any other text."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    try:
        whole = datetime.datetime.fromisoformat(f"{found[1]}{found[3].replace('Z', '+00:00')}")
    except ValueError:
        return None
    return whole.timestamp() + float(f"0{found[2] or '.0'}")


def json_of(text: str | bytes) -> Any:
    """The data of a JSON document. Raises Unreadable."""
    counted = text if isinstance(text, str) else text.decode("utf-8", errors="replace")
    if sum(counted.count(sign) * size for sign, size in _BYTES.items()) > MOST_MEMORY:
        raise Oversized("it is too large")
    try:
        return json.loads(text)
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    except ValueError as error:  # no JSON, no UTF-8, or a number of too many digits
        raise Unreadable("it is not valid JSON", getattr(error, "lineno", None)) from None


def toml_of(text: str) -> dict[str, Any]:
    """The data of a TOML document. Raises Unreadable, with what the parser says."""
    if len(text) > MOST_TEXT:
        raise Oversized("it is too large")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    except ValueError as error:
        raise Unreadable(str(error)) from None


@lru_cache(maxsize=512)
def python_of(source: str) -> ast.Module:
    """The syntax tree of a Python source, made once: nobody changes it. Raises Unreadable."""
    if len(source) > MOST_TOKENS < sum(1 for _ in _TOKEN.finditer(source)):
        raise Unreadable(f"it has more than {MOST_TOKENS:,} words and signs")
    try:
        return ast.parse(source)
    except (RecursionError, MemoryError):  # the parser's own stack, which is no lack of memory
        raise Unreadable("it is nested too deeply") from None
    except SyntaxError as error:
        raise Unreadable(f"not valid Python: {error.msg}", error.lineno) from None
    except ValueError as error:  # a NUL, a surrogate
        raise Unreadable(f"not valid Python: {error}") from None
