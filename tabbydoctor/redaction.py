"""The one redactor: every output, log and error message goes through it.

Two ways, together: values that were read as secrets are remembered and replaced wherever
they turn up; and what looks like a secret (a Bearer token, `api_key: …`, a line of
TabbyAPI's log that prints a key) is replaced even if nobody remembered it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any

MARK = "[redacted]"

# Shorter ones turn up by chance in ordinary words: replaced only where they stand alone.
_SHORT = 8

_SECRET_WORD = (
    r"(?:api|admin|secret|access|auth|private)[-_ ]?(?:key|token)s?|password|passwd|secret"
)
# A placeholder (`<api_key>`, `$KEY`, `{key}`, `os.environ/KEY`) is no secret.
_PATTERNS = (
    # Headers, in logs, dicts and curl commands.
    re.compile(r"(?i)(?P<keep>\b(?:bearer|basic)\s+)(?P<secret>(?![<$…\[{])[^\s\"',;}\]\\]{3,})"),
    re.compile(
        r"(?i)(?P<keep>\bx-(?:api|admin)-key[\"']?\s*[:=,]\s*[\"']?)"
        r"(?P<secret>(?![<$…\[{])[^\s\"',;}]{3,})"
    ),
    # TabbyAPI prints its keys at startup.
    re.compile(r"(?i)(?P<keep>\byour (?:api|admin) keys? (?:is|are):\s*)(?P<secret>\S.*)"),
    # Assignments: api_key: …, TABBY_API_KEY=…, 'admin_key': '…'.
    re.compile(
        rf"(?i)(?P<keep>[\w-]*(?:{_SECRET_WORD})[\"']?\s*[:=]\s*[\"']?)"
        r"(?P<secret>(?![<$…\[{(/]|os\.environ)[^\s\"',;}\])]{6,})"
    ),
    # Well-known shapes: provider keys, and the 32 hex digits that TabbyAPI generates.
    re.compile(r"(?P<keep>)(?P<secret>\b(?:sk|hf|ghp|gsk)[-_][A-Za-z0-9_-]{16,})"),
    re.compile(r"(?P<keep>)(?P<secret>(?<![0-9A-Za-z/])[0-9a-f]{32}(?![0-9A-Za-z]))"),
    # Credentials in a URL.
    re.compile(r"(?P<keep>://[^\s/:@]*:)(?P<secret>[^\s/@]+)(?=@)"),
)

_HEAD = 4
_lock = threading.Lock()
# First characters -> length -> the secrets of that length that start so: ten thousand keys cost
# no more than one.
_long: dict[str, dict[int, set[str]]] = {}
_short: set[str] = set()


def remember(secret: str) -> None:
    """A value that must never be shown. Empty ones are no secret."""
    for value in {secret, secret.strip()}:
        if not value.strip():
            continue
        with _lock:
            if len(value) < _SHORT:
                _short.add(value)
            else:
                by_length = _long.setdefault(value[:_HEAD], {})
                by_length.setdefault(len(value), set()).add(value)


def redact(text: str) -> str:
    """The text with every secret replaced by `[redacted]`."""
    text = _without_short(_without_long(text))
    for pattern in _PATTERNS:
        text = pattern.sub(lambda match: match["keep"] + MARK, text)
    return text


def redact_all(value: Any) -> Any:
    """The same for every string inside mappings and sequences, keys included."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact_all(key): redact_all(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return type(value)(redact_all(inner) for inner in value)  # type: ignore[call-arg]
    return value


def forget_all() -> None:
    """Drop what was remembered (for tests)."""
    with _lock:
        _long.clear()
        _short.clear()


def _without_long(text: str) -> str:
    if not _long:
        return text
    parts: list[str] = []
    start = position = 0
    while position < len(text):
        secret = _secret_at(text, position)
        if secret:
            parts += [text[start:position], MARK]
            position = start = position + len(secret)
        else:
            position += 1
    return "".join(parts) + text[start:]


def _secret_at(text: str, position: int) -> str | None:
    by_length = _long.get(text[position : position + _HEAD])
    for length in sorted(by_length or (), reverse=True):
        candidate = text[position : position + length]
        if by_length and candidate in by_length[length]:
            return candidate
    return None


def _without_short(text: str) -> str:
    for secret in sorted(_short, key=len, reverse=True):
        text = re.sub(rf"(?<![\w-]){re.escape(secret)}(?![\w-])", MARK, text)
    return text
