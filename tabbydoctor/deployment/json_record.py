"""A record that a container's engine keeps as JSON: read, and its fields whatever stands there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tabbydoctor.documents import Unreadable, json_of
from tabbydoctor.host import Host

_LIMIT = 4 << 20


def record_of(host: Host, path: str) -> dict[str, Any]:
    """The object in a file; empty where there is none, or it may not be read."""
    try:
        found = json_of(host.read(path, _LIMIT).data)
    except (OSError, Unreadable):
        return {}
    return found if isinstance(found, dict) else {}


def mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A field that is an object; empty where it is none."""
    found = data.get(key)
    return found if isinstance(found, dict) else {}


def value(data: Mapping[str, Any], key: str) -> Any:
    """A field of any kind; an empty text where there is none."""
    return data[key] if key in data and data[key] is not None else ""
