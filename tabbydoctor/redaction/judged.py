"""One value as it is written, in quotes or bare: which part of it must go."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabbydoctor.records import dataclass
from tabbydoctor.redaction.names import Strength
from tabbydoctor.redaction.spans import TextSpan
from tabbydoctor.redaction.values import is_innocent, is_sentence, looks_secret

_LIMIT = 4096
"""Characters of one value. A longer one is a secret to its end only where it has a shape."""
_OPENING = re.compile(r"(?P<prefix>[rRbBuUfF$@]{0,2})(?P<quote>\"\"\"|'''|\\{0,4}[\"'`])")
_TO_CLOSE = {
    quote: re.compile(rf"[^{quote}\\\n]*(?:\\[\s\S][^{quote}\\\n]*)*{quote}") for quote in "\"'`"
}
_SCHEME = re.compile(
    r"(?i)[ \t]{0,8}(?:bearer|basic|token|digest|apikey|api-key|key)(?:[ \t]+|=|:[ \t]*)"
)
_FIELD = re.compile(
    r"\$\{[^{}\n]{0,256}\}|\$\w{1,64}|\{\{[^{}\n]{0,256}\}\}|\{[^{}\n]{0,256}\}|%\([^()\n]{0,64}\)s|%[sdr]\b"
)
_DEFAULT = re.compile(r"(?:\$\{\w{1,64}:?[-=+?]|\{\$\w{1,64}:)(?P<default>[^{}\n]{1,256})\}")
_GAP = re.compile(r"[ \t]{0,80}(?:\\?\r?\n[ \t]{0,200})?")
_BLANKS = re.compile(r"[ \t]{0,80}")
_BARE = re.compile(r"(?![\"'`\[{(])[^\s\"'`]{1,4096}")
_NEXT = re.compile(r"[,;&](?=[\w-]{1,64}[=:])|[,;](?=$|\s)|\\[nrt](?![\w])")
_REST = re.compile(r"[^\n]{1,4096}")
_COMMENT = re.compile(r"(?:(?<=[ \t])[#;]|,\s*\Z)")
_CALL = re.compile(
    r"[A-Za-z_][\w.]{0,200}[(\[]|(?:[a-z_]+\.){1,8}[a-z_]+\Z|(?:await|not|lambda|new)\b"
)


_ENDS = tuple(")]},;.:!?\\")
_MOST_ENDS = 16
_OPENED_BY = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class JudgedValue:
    """What must go of a value, and where the reading of it ended."""

    spans: tuple[TextSpan, ...]
    end: int


@dataclass(frozen=True, slots=True)
class WrittenLiteral:
    """A string as it is written."""

    start: int
    """Where its text begins and ends, without quotes."""
    stop: int
    end: int
    """Behind its closing quote."""


def gap(text: str, at: int) -> int:
    """Behind blanks, and one line break among them."""
    found = _GAP.match(text, at)
    return found.end() if found else at


def blanks(text: str, at: int) -> int:
    """Behind blanks."""
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def literal(text: str, at: int) -> WrittenLiteral | None:
    """The string that begins there; one that is not closed ends with its line."""
    opening = _OPENING.match(text, at)
    if opening is None:
        return None
    quote, start = opening["quote"], opening.end()
    if quote in _TO_CLOSE:
        closing = _TO_CLOSE[quote].match(text, start, start + _LIMIT)
        if closing:
            return WrittenLiteral(start, closing.end() - 1, closing.end())
        found = -1
    else:
        found = text.find(quote, start, start + _LIMIT)
    if found < 0:
        line = text.find("\n", start, start + _LIMIT)
        end = line if line >= 0 else min(len(text), start + _LIMIT)
        return WrittenLiteral(start, end, end)
    return WrittenLiteral(start, found, found + len(quote))


def quoted(text: str, at: int, strength: Strength) -> JudgedValue:
    """A value in quotes that begins there; nothing where none does."""
    found = literal(text, at)
    if found is None:
        return JudgedValue((), at)
    return JudgedValue(tuple(secret(text, found.start, found.stop, strength)), found.end)


def bare(
    text: str, at: int, strength: Strength, kind: str, *, whole_line: bool
) -> JudgedValue | None:
    """A value without quotes; None where there is none, or what is a program's expression."""
    found = _BARE.match(text, at)
    if found is None:
        return None
    scheme = None if whole_line else _SCHEME.match(text, at)
    if scheme and scheme[0][-1].isspace():
        at = scheme.end()
        found = _BARE.match(text, at)
        if found is None:
            return JudgedValue((), at)
    if whole_line:
        line = _REST.match(text, at)
        written = line[0] if line else found[0]
        comment = _COMMENT.search(written)
        stop = at + len(written[: comment.start() if comment else None].rstrip(" \t\r"))
    else:
        following = _NEXT.search(found[0])
        written = found[0][: following.start() if following else None]
        if _CALL.match(written) and kind != "settings":
            return None
        stop = at + len(_without_end(written))
    least = 3 if kind == "settings" else 6
    if stop - at < least and not looks_secret(text[at:stop]):
        return JudgedValue((), stop)
    return JudgedValue(tuple(secret(text, at, stop, strength)), max(stop, at))


def _without_end(written: str) -> str:
    """Without the signs that end a sentence, a list or a bracket opened before it."""
    for _ in range(_MOST_ENDS):
        if written[-1:] not in _ENDS:
            break
        opening = _OPENED_BY.get(written[-1])
        if opening and written.count(opening) >= written.count(written[-1]):
            break
        written = written[:-1]
    return written


def secret(text: str, start: int, stop: int, strength: Strength) -> Iterator[TextSpan]:
    """What must go of the text of a value."""
    scheme = _SCHEME.match(text, start, stop)
    if scheme and scheme.end() < stop:
        start, strength = scheme.end(), max(strength, Strength.MAYBE)
    value = text[start:stop]
    default = _DEFAULT.fullmatch(value)
    if default:
        start, stop = start + default.start("default"), start + default.end("default")
        value = text[start:stop]
    parts = list(_parts(value))
    if len(parts) == 1 and parts[0] == (0, len(value)):
        if _goes(value, strength):
            yield start, stop
        return
    if is_innocent(value):
        return
    yield from ((start + one, start + two) for one, two in parts if _goes(value[one:two], strength))


def is_scheme(text: str) -> bool:
    """Whether it is the name of a way to authenticate, with a secret to follow."""
    found = _SCHEME.fullmatch(text)
    return found is not None and text[-1:].isspace()


def _parts(value: str) -> Iterator[TextSpan]:
    """What of a value is written, and not filled in when it is used."""
    done = 0
    for field in _FIELD.finditer(value[:_LIMIT]):
        yield done, field.start()
        done = field.end()
    yield done, len(value)


def _goes(value: str, strength: Strength) -> bool:
    if looks_secret(value.strip()):
        return True
    if strength is not Strength.SURE or len(value.strip()) < 3:
        return False
    return not is_innocent(value) and not is_sentence(value)
