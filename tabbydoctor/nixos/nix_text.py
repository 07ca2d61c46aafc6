"""Values as Nix writes them: literals that mean the same to Nix as to Python.

As in the Nix manual, "Data Types" and "String literal". Nix has integers of 64 bits, no number
that is not finite, and no text with a NUL.
"""

from __future__ import annotations

import json
import math
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_'-]*")
_KEYWORDS = frozenset({"assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with"})
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_LARGEST = 2**63 - 1


class NoLiteral(ValueError):  # noqa: N818 - an answer, not an error
    """Nix has no such value."""


def literal(value: Any, indent: int = 0) -> str:
    """A value as Nix; the lines of a mapping stand two columns right of `indent`.

    Raises NoLiteral for what Nix has not: NUL, lone surrogates, infinities, large integers.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return _mapping(value, indent)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return _list(value, indent)
    raise NoLiteral(f"Nix has no {type(value).__name__}")


def name(text: str) -> str:
    """An attribute's name, quoted where it has to be."""
    plain = _NAME.fullmatch(text) and text not in _KEYWORDS
    return text if plain else _quoted(text)


def path(*names: str) -> str:
    """Names from the outside in, as `services.tabbyapi.host`."""
    return ".".join(name(one) for one in names)


def comment(text: str, indent: int = 0) -> str:
    """Lines of comment, 80 columns wide; what a terminal would obey is left out."""
    lines = []
    for line in text.splitlines():
        shown = "".join(sign for sign in line if sign.isprintable())
        lines += textwrap.wrap(
            shown, 76 - indent, subsequent_indent=" " * (len(shown) - len(shown.lstrip())),
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
    return "\n".join(f"{' ' * indent}# {line}" for line in lines)


def _number(value: int | float) -> str:
    if isinstance(value, int):
        if abs(value) > _LARGEST:
            raise NoLiteral(f"{value} does not fit into 64 bits")
        return str(value)
    if not math.isfinite(value) or 0 < abs(value) < sys.float_info.min:
        raise NoLiteral(f"Nix has no number {value}")
    digits, exponent, power = repr(value).partition("e")
    return f"{digits if '.' in digits else digits + '.0'}{exponent}{power}"


def _text(text: str) -> str:
    """Nix has no escapes but `\\n`, `\\r`, `\\t`: other signs that do not print come by JSON."""
    if all(sign.isprintable() or sign in "\n\r\t" for sign in text):
        return _quoted(text)
    if "\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise NoLiteral("Nix has no text with NUL or half a character")
    return f"(builtins.fromJSON {_quoted(json.dumps(text))})"


def _quoted(text: str) -> str:
    return '"' + text.translate(_ESCAPES).replace("${", "\\${") + '"'


def _list(items: Sequence[Any], indent: int) -> str:
    words = [literal(item, indent) for item in items]
    # In a list a minus would stand alone.
    words = [f"({word})" if word.startswith("-") else word for word in words]
    return f"[ {' '.join(words)} ]" if words else "[ ]"


def _mapping(items: Mapping[str, Any], indent: int) -> str:
    if not items:
        return "{ }"
    margin = " " * (indent + 2)
    lines = [f"{margin}{name(key)} = {literal(item, indent + 2)};" for key, item in items.items()]
    return "\n".join(("{", *lines, " " * indent + "}"))
