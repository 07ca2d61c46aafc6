"""The lines that mend Caddy's JSON where it stands, where that is laid out as programs do it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from tabbydoctor.routers import Concern, HandEdit
from tabbydoctor.yaml.nodes import KeyPath

LIMITS = ("response_header_timeout", "read_timeout")
"""How long the transport of a reverse_proxy waits for an answer, and for its next bytes."""
_INDENTS = ("\t", 2, 4)
_DROPPED = ("X-Api-Key", "X-Admin-Key")


def native_edits(
    path: str, text: str, data: Any, concern: Concern, place: KeyPath, line: int
) -> Iterator[HandEdit]:
    """Lines of a file that is laid out as Caddy and other programs do, the last ones first."""
    own = next((n for n in _INDENTS if _written(data, n) == text.rstrip()), None)
    if own is None:
        return
    new_data = json.loads(text)
    handler: Any = new_data
    for step in place[: _of_proxy(data, place)]:
        handler = handler[step]
    if not _mended(handler, concern):
        return
    old, new = text.splitlines(), _written(new_data, own).splitlines()
    changes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    for kind, start, end, first, last in reversed(changes):
        if kind != "equal":
            at = start + 1 if end > start else start
            yield HandEdit(concern, path, at, tuple(new[first:last]), end - start, "", line)


def _of_proxy(data: Any, place: KeyPath) -> int:
    """How many steps of a place lead to its reverse_proxy."""
    for length in range(len(place), 0, -1):
        found: Any = data
        for step in place[:length]:
            try:
                found = found[step]
            except (KeyError, IndexError, TypeError):
                found = None
        if isinstance(found, Mapping) and found.get("handler") == "reverse_proxy":
            return length
    return len(place)


def _mended(handler: dict[str, Any], concern: Concern) -> bool:
    """Whether a reverse_proxy could be mended where it is."""
    if concern == "key":
        request = handler.setdefault("headers", {}).setdefault("request", {})
        given = request.setdefault("set", {})
        for name in [one for one in given if one.lower() in ("authorization", "x-api-key")]:
            del given[name]
        given["Authorization"] = ["Bearer <api_key>"]
        kept = [one for one in request.get("delete") or () if one.lower() != "authorization"]
        request["delete"] = list(dict.fromkeys((*kept, *_DROPPED)))
    elif concern == "wait":
        for name in LIMITS:
            if name in handler.get("transport", {}):
                handler["transport"][name] = 600_000_000_000
    elif concern == "probe":
        active = handler["health_checks"]["active"]
        for name in ("path", "method", "expect_status"):
            active.pop(name, None)
        active["uri"] = "/health"
    else:
        return False
    return True


def _written(data: Any, indent: str | int) -> str:
    return json.dumps(data, indent=indent, ensure_ascii=False)
