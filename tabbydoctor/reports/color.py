"""Which streams get colour, and colours that read on a light terminal as on a dark one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import TextIO


class Color(StrEnum):
    """`--color`."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


PALETTE: Mapping[str, int] = {
    "red": 160,
    "yellow": 130,
    "green": 28,
    "cyan": 30,
    "blue": 27,
    "magenta": 163,
    "dim": 243,
}
"""The colours of styles, among the 256 that are the same everywhere: nearly as far from white as
from black. Of the first sixteen a theme makes what it will, yellow on white above all."""
_SIXTEEN: Mapping[str, str] = {
    "red": "31",
    "yellow": "33",
    "green": "32",
    "cyan": "36",
    "blue": "34",
    "magenta": "35",
    "dim": "2",
}
_WITH_SIXTEEN = ("linux", "vt", "ansi", "cons")
"""How TERM begins where there are no more: consoles, and those are dark."""
_wanted: ContextVar[Color] = ContextVar("color", default=Color.AUTO)


@contextmanager
def coloring(color: Color) -> Iterator[None]:
    """What is written meanwhile has colour as asked for."""
    token = _wanted.set(color)
    try:
        yield
    finally:
        _wanted.reset(token)


def colored(stream: TextIO) -> bool:
    """Whether text on a stream is styled: by `--color`, then as the conventions have it
    (no-color.org before force-color.org), then on a terminal that is not dumb.
    """
    if _wanted.get() is not Color.AUTO:
        return _wanted.get() is Color.ALWAYS
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def painted(text: str, style: str) -> str:
    """A text in a style, which is named by words: `bold`, and one of the palette."""
    if not style or not text:
        return text
    few = os.environ.get("TERM", "").startswith(_WITH_SIXTEEN)
    codes = ["1" if word == "bold" else _code(word, few) for word in style.split()]
    return f"\x1b[{';'.join(codes)}m{text}\x1b[0m"


def _code(word: str, few: bool) -> str:
    return _SIXTEEN[word] if few else f"38;5;{PALETTE[word]}"
