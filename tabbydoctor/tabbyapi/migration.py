"""The keys of before September 2024, and how TabbyAPI moves them at its start.

As in TabbyAPI's `common/tabby_config.py`: the file is rewritten, the old one kept as
`<file>.bak`. Where a section is no mapping the moving stops half-way with a log line that says
the file could not be loaded, yet what was read applies.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tabbydoctor.records import dataclass

_SECTIONS = (("draft", "draft_model"), ("lora", "lora"))


@dataclass(frozen=True, slots=True)
class Migration:
    """A document after TabbyAPI's migration."""

    document: Mapping[Any, Any]
    moved: Mapping[tuple[str, ...], tuple[str, ...]]
    """New key path -> the old one; not empty: the file will be rewritten."""
    stopped: bool = False
    """Whether a section that is no mapping stopped it."""


def migrate(data: Mapping[Any, Any]) -> Migration:
    """Move the old keys of a document to where they live now."""
    document = dict(data)
    moved: dict[tuple[str, ...], tuple[str, ...]] = {}
    model = _or_empty(document.get("model"))
    if not isinstance(model, dict):
        return Migration(document, moved, stopped=True)
    for old, new in _SECTIONS:
        if model.get(old):
            document[new] = model[old]
            moved[(new,)] = ("model", old)
    logging = _or_empty(document.get("logging"))
    if not isinstance(logging, dict) or not all(isinstance(key, str) for key in logging):
        return Migration(document, moved, stopped=True)
    if any(not key.startswith("log_") for key in logging):
        document["logging"] = _prefixed(logging, moved)
    return Migration(document, moved)


def _prefixed(
    logging: Mapping[str, Any], moved: dict[tuple[str, ...], tuple[str, ...]]
) -> dict[str, Any]:
    result = {key: value for key, value in logging.items() if key.startswith("log_")}
    for key in [key for key in logging if not key.startswith("log_")]:
        result[f"log_{key}"] = logging[key]
        moved[("logging", f"log_{key}")] = ("logging", key)
    return result


def old_path(moved: Mapping[tuple[str, ...], tuple[str, ...]], path: tuple[str, ...]) -> Any:
    """Where a key path of the migrated document stands in the file."""
    for length in range(len(path), 0, -1):
        if path[:length] in moved:
            return (*moved[path[:length]], *path[length:])
    return path


def _or_empty(value: Any) -> Any:
    return {} if value is None else value
