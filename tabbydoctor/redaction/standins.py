"""What stands for a secret where it is still to be judged: a text like it, which tells nothing.

Equal secrets have equal stand-ins, unequal ones unequal. Length, kinds of characters and whether it
is one of the words that everyone tries first stay as they are, so what is said of the one holds for
the other.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import string
from collections.abc import Iterator

GUESSED_FIRST = (
    *("changeme", "password", "tabbyapi", "12345678"),
    *("123456789", "1234567890"),
)
"""Keys that everyone tries first."""
_KINDS = (
    "123456789", "abcdef", "ghijklmnopqrstuvwxyz", "ABCDEF", "GHIJKLMNOPQRSTUVWXYZ",
)  # fmt: skip
"""Of each character another of its kind stands in: hexadecimal digits stay some, and a number stays
one of as many digits."""
_NUMBER = re.compile(r"[-+]?[\d.]+(e[-+]?\d+)?", re.IGNORECASE)
_MOST_TRIES = 1000


class StandIns:
    """The stand-ins of one bundle; `salt` is thrown away with it, so none leads back."""

    def __init__(self, salt: bytes) -> None:
        self._salt = salt
        self._known: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, secret: str) -> str:
        """The stand-in of a text; what has no letter and no digit stands for itself."""
        if secret not in self._known:
            made = self._new(secret)
            self._known[secret] = made
            self._taken.add(made)
        return self._known[secret]

    def _new(self, secret: str) -> str:
        if secret.lower() in GUESSED_FIRST:
            at = GUESSED_FIRST.index(secret.lower())
            return GUESSED_FIRST[(at + 1) % len(GUESSED_FIRST)]
        made = secret
        for number in range(_MOST_TRIES):
            made = self._like(secret, number)
            if made not in self._taken and made != secret:
                break
        return made

    def _like(self, secret: str, number: int) -> str:
        numeric = _NUMBER.fullmatch(secret) is not None
        bytes_ = self._stream(secret, number)
        return "".join(_other(char, next(bytes_), numeric) for char in secret)

    def _stream(self, secret: str, number: int) -> Iterator[int]:
        told = secret.encode("utf-8", "surrogatepass")
        block = 0
        while True:
            text = b"%d:%d:" % (number, block) + told
            yield from hmac.new(self._salt, text, hashlib.sha256).digest()
            block += 1


def _other(char: str, byte: int, numeric: bool) -> str:
    if numeric and char not in string.digits:
        return char
    for kind in _KINDS:
        if char in kind:
            return kind[byte % len(kind)]
    if char == "0" or not char.isalnum():
        return char
    return "é" if ord(char) < 0x100 else "ж"
