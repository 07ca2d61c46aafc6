"""The ways in which a text may say the same: wrapped, escaped, in hexadecimal, in base64.

Each way is undone for the whole text, with the way back to where it stands: so whatever is
looked for need not be known in every form, and forms within forms are seen, too.
"""

from __future__ import annotations

import binascii
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator

from tabbydoctor.records import dataclass
from tabbydoctor.redaction.spans import TextSpan

_WRAP = r"[ \t]*\\?\r?\n[ \t]*"
_WRAPPED = re.compile(rf"(?<![ \t]){_WRAP}")
# Marks at the beginning of a line: a diff's, a quotation's, a comment's.
_MARKED = re.compile(rf"(?<![ \t]){_WRAP}[|>#*+-]{{1,2}}[ \t]*")
_ESCAPED = re.compile(
    r"%(?P<percent>[0-9A-Fa-f]{2})"
    r"|\\{1,4}(?:x(?P<x>[0-9A-Fa-f]{2})|u\{?(?P<u>[0-9A-Fa-f]{4})\}?|U(?P<long>[0-9A-Fa-f]{8})"
    r"|(?P<octal>[0-3][0-7]{2})|(?P<break>[nrt])[ ]{0,80}|(?P<plain>[^\w\s\\]))"
    r"|&#(?:x(?P<entity>[0-9A-Fa-f]{1,6})|(?P<decimal>\d{1,7}));"
    r"|(?P<name>&(?:amp|lt|gt|quot|apos);)"
    r"|(?P<invisible>\x1b\[[0-9;?]{0,16}[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f\xad"
    r"\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff])"
)
# As JSON and most languages read a string: a backslash that is escaped escapes nothing.
_STRING = re.compile(r"\\(?:u(?P<u>[0-9A-Fa-f]{4})|x(?P<x>[0-9A-Fa-f]{2})|(?P<plain>[\\\"'/]))")
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]+")
_PAIRS = re.compile(r"(?:[0-9A-Fa-f]{2}[:\s-]){7,}[0-9A-Fa-f]{2}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+")
_URL_SAFE = str.maketrans("-_", "+/")
_BASES = {"percent": 16, "x": 16, "u": 16, "long": 16, "octal": 8, "entity": 16, "decimal": 10}
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'"}


@dataclass(frozen=True, slots=True)
class View:
    """A text read in one way."""

    text: str
    back: Callable[[int, int], TextSpan]
    """From a part of it to where that stands in the original."""


def views(text: str, shortest: int) -> Iterator[View]:
    """Every way of reading a text. `shortest` is the length of what is worth finding."""
    for view in _readings(text):
        yield view
        yield from _of_hexadecimal(view, shortest)
        yield from _of_base64(view, shortest)


def _readings(text: str) -> Iterator[View]:
    plain = View(text, lambda start, end: (start, end))
    yield plain
    joined = _replaced(plain, _WRAPPED, lambda _: "") if "\n" in text else None
    marked = _replaced(plain, _MARKED, lambda _: "") if joined else None
    yield from (view for view in (joined, marked) if view)
    # Twice, for what was escaped twice: JSON in JSON, a URL in a URL.
    for pattern, meant in ((_ESCAPED, _meant), (_STRING, _meant_in_string)):
        last: View | None = joined or plain
        for _ in range(2):
            last = _replaced(last, pattern, meant) if last else None
            if last:
                yield last


def _replaced(
    view: View, pattern: re.Pattern[str], new: Callable[[re.Match[str]], str]
) -> View | None:
    """The view with every match in other words; None where there is none."""
    parts: list[str] = []
    starts, ends, places = [0], [0], [0]  # of what was kept, in the old text and in the new
    done = place = 0
    for found in pattern.finditer(view.text):
        kept, said = view.text[done : found.start()], new(found)
        parts += [kept, said]
        done, place = found.end(), place + len(kept) + len(said)
        starts.append(done)
        ends.append(found.start())
        places.append(place)
    if not parts:
        return None

    def back(start: int, end: int) -> TextSpan:
        first, last = bisect_right(places, start) - 1, bisect_right(places, end - 1) - 1
        begin = starts[first] + start - places[first]
        until = starts[last] + end - places[last]
        if first + 1 < len(places):  # inside of what was said in other words: all of that
            begin = min(begin, ends[first + 1])
        if last + 1 < len(places) and until > ends[last + 1]:
            until = starts[last + 1]
        return view.back(begin, until)

    return View("".join([*parts, view.text[done:]]), back)


def _meant(found: re.Match[str]) -> str:
    kind = found.lastgroup or ""
    if kind in _BASES:
        code = int(found[kind], _BASES[kind])
        return chr(code) if code < 0x110000 else ""
    if kind == "name":
        return _ENTITIES[found[0]]
    return found["plain"] if kind == "plain" else ""


def _meant_in_string(found: re.Match[str]) -> str:
    return found["plain"] or chr(int(found["u"] or found["x"], 16))


def _of_hexadecimal(view: View, shortest: int) -> Iterator[View]:
    for found in _HEXADECIMAL.finditer(view.text):
        if len(found[0]) < 2 * shortest:
            continue
        for shift in (0, 1):
            digits = found[0][shift:]
            data = binascii.unhexlify(digits[: len(digits) // 2 * 2])
            yield _decoded(view, data, found.start() + shift, 2, 1)
    for found in _PAIRS.finditer(view.text):
        data = binascii.unhexlify(re.sub(r"[:\s-]", "", found[0]))
        yield _decoded(view, data, found.start(), 3, 1)


def _of_base64(view: View, shortest: int) -> Iterator[View]:
    for found in _BASE64.finditer(view.text):
        if len(found[0]) * 3 < shortest * 4:
            continue
        letters = found[0].translate(_URL_SAFE)
        for shift in range(4):
            data = _from_base64(letters[shift:])
            yield _decoded(view, data, found.start() + shift, 4, 3)


def _from_base64(letters: str) -> bytes:
    """Whole bytes, as many as the letters hold."""
    extra = len(letters) % 4
    letters = letters[:-1] if extra == 1 else letters + "=" * (-extra % 4)
    return binascii.a2b_base64(letters)


def _decoded(view: View, data: bytes, at: int, letters: int, octets: int) -> View:
    """Bytes that stand at a place, so many letters for so many bytes."""

    def back(start: int, end: int) -> TextSpan:
        until = at + -(-end * letters // octets)
        return view.back(at + start * letters // octets, min(until, len(view.text)))

    return View(data.decode("latin-1"), back)
