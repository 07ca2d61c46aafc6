"""Where a URL leads: which server, and whether that is TabbyAPI's."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from tabbydoctor.records import dataclass
from tabbydoctor.source.values import Symbol, Text, Value, likely

_BY_ENGINES = ("host.docker.internal", "host.containers.internal", "gateway.docker.internal")
"""What container engines call the machine they run on."""
LOCAL = frozenset({"localhost", "127.0.0.1", "0.0.0.0", "::1", "::", "ip6-localhost", *_BY_ENGINES})
_GAP = "\0"
_URL = re.compile(r"(https?|wss?)://([^/\0?]+)([^?]*)")


@dataclass(frozen=True, slots=True)
class Target:
    """The server and path of a URL. `base` is empty where the server cannot be told."""

    base: str
    path: str
    hint: bool = False
    """The source names it after TabbyAPI."""


def server(url: str) -> tuple[str, int] | None:
    """(host, port) of a URL, this machine's names made one; None for what is no HTTP URL."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme in ("https", "wss") else 80)
    except ValueError:
        return None
    if not parts.hostname:
        return None
    host = parts.hostname.lower()
    local = host in LOCAL or host.startswith("127.")
    return ("localhost" if local else host), port


def target(url: Value) -> Target:
    """Where a URL value leads, as far as it is known."""
    parts = url.parts if isinstance(url, Text) else (url,)
    text, hint = "", False
    for part in parts:
        held = likely(part)
        text += _GAP if held is None and isinstance(part, Symbol) else str(held)
        hint = hint or getattr(part, "marked", False)
    return _parsed(text, hint)


def _parsed(text: str, hint: bool) -> Target:
    whole = _URL.match(text)
    ends_in_gap = whole is not None and text[whole.end(2) :].startswith(_GAP)
    if whole and not (ends_in_gap and text[whole.end(2) - 1] == ":"):
        rest = text[whole.end(2) :].partition("?")[0]
        return Target(f"{whole[1]}://{whole[2]}", _path(rest), hint)
    _, found, rest = text.partition("://")
    rest = rest if found else text
    slash = rest.find("/")
    return Target("", _path(rest[slash:]) if slash >= 0 else "", hint)


def _path(rest: str) -> str:
    path = re.sub("/{2,}", "/", rest.replace(_GAP, "*"))
    return path if not path or path.startswith(("/", "*")) else f"/{path}"
