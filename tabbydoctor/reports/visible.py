"""Text from files, logs and peers, made safe to show: what cannot be seen is spelt out."""

from __future__ import annotations

_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def visible(text: str) -> str:
    """The text with every character that is not printable written as an escape.

    That covers control characters, invisible and direction-changing ones, blanks other than
    the plain space, and the lone surrogates by which Python carries undecodable bytes
    (PEP 383), shown as the byte they stand for.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else escape(char) for char in text)


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
