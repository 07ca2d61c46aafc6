"""Whether a container's health check can turn green on a TabbyAPI that serves."""

from __future__ import annotations

import re
from collections.abc import Sequence

_URL = re.compile(r"https?://[^\s\"'|;&)]+")
_HEAD = re.compile(r"--spider\b|\bcurl\b[^|;&]*\s(?:-\w*I\w*|--head)\b")
_KEYED = re.compile(r"(?i)authorization|x-api-key|x-admin-key")
_OPEN = ("/health", "/docs", "/openapi.json", "/redoc", "/.well-known/serviceinfo")
_PLACE = re.compile(r"https?://(\[[^\]]+\]|[^/:?#]*)(?::(\d+))?([^?#]*)")
_OWN = ("localhost", "127.0.0.1", "[::1]", "0.0.0.0", "[::]")
_FILTERED = re.compile(r"\|\||\|\s*grep")


def hopeless(words: Sequence[str], port: int | None, auth_disabled: bool | None) -> str:
    """Why it cannot, in words; empty where it can, or nothing is known of what it runs.

    `port` is where TabbyAPI listens inside; None where that is not known, and `auth_disabled` so.
    """
    text = " ".join(words)
    found = _URL.search(text)
    place = _PLACE.match(found[0]) if found else None
    if place is None or place[1] not in _OWN or "$" in place[0]:
        return ""
    asked = int(place[2]) if place[2] else 443 if place[0].startswith("https") else 80
    if place[0].startswith("https"):
        return "it asks over TLS, which TabbyAPI does not speak"
    if port is not None and asked != port:
        return f"it asks port {asked}, and TabbyAPI listens at {port} inside the container"
    if _HEAD.search(text) and "python" not in text:
        return "it sends HEAD, which TabbyAPI answers with 405"
    path = place[3].rstrip("/") or "/"
    if path == "/":
        return "it asks for /, which TabbyAPI answers with 404"
    keyless = not _KEYED.search(text)
    if path.startswith("/v1/") and keyless and auth_disabled is False:
        return f"it asks for {path} without a key, which TabbyAPI answers with 401"
    return ""
