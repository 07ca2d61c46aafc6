"""Whether something stands in a path: a path is not hidden for its name or its shape."""

from __future__ import annotations

import re

_LOOKED_AT = 256
_PATH = re.compile(r"(?:\A|[\s\"'`=:(\[,;@])(?:~|\.{0,2})/[^\s\"'`?,;&<>(){}\[\]]*\Z")


def in_path(text: str, at: int) -> bool:
    """Whether what stands there belongs to a path that began before it."""
    return "/" in text[max(0, at - _LOOKED_AT) : at] and (
        _PATH.search(text[max(0, at - _LOOKED_AT) : at]) is not None
    )
