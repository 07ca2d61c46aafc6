"""Text from files, logs and peers, made safe to show: what cannot be seen is spelt out."""

from __future__ import annotations

import re

_SEEN_BY_NOBODY = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Printable to Python, and yet without a look (Unicode's Default_Ignorable_Code_Point)."""
_BEYOND_ASCII = re.compile(r"[^\x20-\x7e\n]")
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def visible(text: str) -> str:
    """The text with every character that is not printable written as an escape.

    That covers control characters, invisible and direction-changing ones, blanks other than
    the plain space, and the lone surrogates by which Python carries undecodable bytes
    (PEP 383), shown as the byte they stand for.
    """
    if is_visible(text):
        return text
    return "".join(char if is_visible(char) else escape(char) for char in text)


def is_visible(text: str) -> bool:
    """Whether every character of a text can be seen, and changes no other's direction."""
    return text.isprintable() and _SEEN_BY_NOBODY.search(text) is None


def visible_lines(text: str) -> str:
    """The same of several lines, which stay lines."""
    return "\n".join(visible(line) for line in text.split("\n"))


def visible_json(document: str) -> str:
    """A JSON document that means the same, with what cannot be seen as JSON's own escapes."""
    return _BEYOND_ASCII.sub(lambda found: _json_escape(found[0]), document)


def _json_escape(char: str) -> str:
    if is_visible(char):
        return char
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def escape(char: str) -> str:
    """One character as an escape that Python, JSON's readers and bash's $'...' know."""
    code = ord(char)
    if char in _SHORT:
        return _SHORT[char]
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
