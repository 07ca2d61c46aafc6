"""The one redactor: every output, log and error message goes through it.

Two ways, together: values that were read as secrets are remembered and replaced wherever they
turn up, wrapped and encoded too; and what looks like a secret, or goes by the name of one, is
replaced even if nobody remembered it. The time it takes is linear in the text.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from tabbydoctor.redaction.named import TextKind, named
from tabbydoctor.redaction.names import Strength, strength
from tabbydoctor.redaction.remembered import SHORTEST, Finder
from tabbydoctor.redaction.shapes import shaped
from tabbydoctor.redaction.spans import MARK, TextSpan, merged, without
from tabbydoctor.redaction.values import is_plain, looks_secret
from tabbydoctor.redaction.views import views

__all__ = [
    "MARK",
    "Redacted",
    "forget_all",
    "holds_remembered",
    "redact",
    "redact_all",
    "redact_file",
    "redact_path",
    "remember",
    "remember_named",
    "with_stand_ins",
]

_PROGRAMS = (".py", ".pyi", ".js", ".ts", ".go", ".rs", ".lua", ".rb", ".nix")
_PYTHON = re.compile(r"#!.{0,200}python")
_lock = threading.Lock()
_long: set[str] = set()
_short: set[str] = set()
_finder: list[Finder] = []
"""Of the long ones, once it is needed; empty when one was added."""


class Redacted(str):
    """A text from which the secrets were taken with more knowledge than the text itself gives."""

    __slots__ = ()


_PASSES = 4
"""What was hidden may be what kept something beside it from being told: once more, then."""


def remember(secret: str) -> None:
    """A value that must never be shown. Empty ones are no secret."""
    for value in {secret, secret.strip()}:
        if not value.strip():
            continue
        with _lock:
            known = _short if len(value) < SHORTEST else _long
            if value not in known:
                known.add(value)
                _finder.clear()


def remember_named(name: str, value: str) -> None:
    """Remember a value if its name is a secret's, and it is no path, number or placeholder."""
    how = strength(name)
    if (how is Strength.SURE and not is_plain(value)) or (how and looks_secret(value)):
        remember(value)


def redact(text: str) -> str:
    """The text with every secret replaced by `[redacted]`."""
    return text if isinstance(text, Redacted) else _redacted(text, "text")


def redact_file(text: str, path: str) -> str:
    """The text of a file, likewise; it keeps its lines.

    In a program the strings are judged, in a file of settings what stands behind a name.
    """
    program = path.endswith(_PROGRAMS) or _PYTHON.match(text) is not None
    return _redacted(text, "source" if program else "settings")


def redact_path(path: str) -> str:
    """A path without what is remembered: nothing in it is hidden for its name or its shape."""
    return without(path, _of_remembered(path))


def redact_all(value: Any) -> Any:
    """The same for every string inside mappings and sequences, keys included."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact_all(key): redact_all(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return type(value)(redact_all(inner) for inner in value)  # type: ignore[call-arg]
    return value


def with_stand_ins(text: str, kind: TextKind | None, of: Callable[[str], str]) -> str:
    """The text with `of(secret)` in the place of each secret; None hides what is remembered alone.

    A remembered secret is replaced as a whole wherever it stands, and what goes by its name or its
    shape in the pieces around it.
    """
    known = list(merged(_of_remembered(text)))
    found = known if kind is None else [*known, *shaped(text), *named(text, kind)]
    cuts = sorted({edge for span in known for edge in span})
    parts, done = [], 0
    for start, end in merged(found):
        edges = [start, *(cut for cut in cuts if start < cut < end), end]
        parts += [text[done:start], *(of(text[one:two]) for one, two in pairwise(edges))]
        done = end
    return "".join((*parts, text[done:]))


def holds_remembered(text: str) -> bool:
    """Whether a remembered secret that is long enough to be told is in the text, in any form."""
    finder = _current()
    return any(True for view in views(text, finder.shortest) for _ in finder.spans(view.text))


def forget_all() -> None:
    """Drop what was remembered (for tests)."""
    with _lock:
        _long.clear()
        _short.clear()
        _finder.clear()


def _redacted(text: str, kind: TextKind) -> str:
    text = without(text, _of_remembered(text))
    for _ in range(_PASSES):
        before, text = text, without(text, [*shaped(text), *named(text, kind)])
        if text == before:  # as it is for all that hides nothing
            break
    return text


def _of_remembered(text: str) -> Iterator[TextSpan]:
    finder = _current()
    if finder:
        for view in views(text, finder.shortest):
            yield from (view.back(start, end) for start, end in finder.spans(view.text))
    yield from _of_short(text)


def _current() -> Finder:
    with _lock:
        if not _finder:
            # As their bytes, too, and as they look where a line break took the place of a blank.
            octets = (value.encode("utf-8", "surrogatepass").decode("latin-1") for value in _long)
            joined = (word for value in _long if len(word := "".join(value.split())) >= SHORTEST)
            _finder.append(Finder({*_long, *octets, *joined}))
        return _finder[0]


def _of_short(text: str) -> Iterator[TextSpan]:
    """A short one where it stands alone; one of letters or of digits only, which is a word or a
    number like any other, where it stands for a value.
    """
    with _lock:
        short = sorted(_short)
    for secret in short:
        word = re.escape(secret)
        ordinary = secret.isalpha() or secret.isdigit()
        around = (
            (r"(?:(?<=[\"'])|\A)", r"(?=[\"']|\Z)") if ordinary else (r"(?<![\w-])", r"(?![\w-])")
        )
        yield from (found.span() for found in re.finditer(word.join(around), text))
