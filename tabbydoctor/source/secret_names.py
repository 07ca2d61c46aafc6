"""Which names are those of secrets."""

from __future__ import annotations

import re

_SECRET = re.compile(r"key|token|secret|passw|credential", re.IGNORECASE)
_NOT_SECRET = re.compile(r"(path|file|dir|directory|url|header|name|port|host)$", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether a variable of that name may hold a key (rather than say where one is)."""
    return bool(_SECRET.search(name)) and not _NOT_SECRET.search(name)
