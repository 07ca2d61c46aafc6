"""What a document says as plain data, the same with one change, and the proof of an edit.

The changes here know nothing of text: they say what a reader must get after an edit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ruamel.yaml import YAML

from tabbydoctor.yaml import yaml12
from tabbydoctor.yaml.nodes import KeyPath
from tabbydoctor.yaml.text import CannotEdit
from tabbydoctor.yaml.yaml11 import yaml_of

DataChange = Callable[[Any], Any]
"""The data before -> the data after. Raises LookupError where the path does not lead there."""

_UNPROVEN = "no edit could be proven to change this and nothing else"


def read(content: bytes) -> tuple[str, Any]:
    """The text, and its data as YAML 1.2 has them. Raises CannotEdit."""
    document = yaml12.document(content)
    if document.problem not in (None, "empty"):
        raise CannotEdit(document.detail, document.line)
    text = content.decode("utf-8")
    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False  # it is allowed, and the warning quotes the file
    try:
        return text, yaml.load(text)
    except Exception as error:  # noqa: BLE001 - any of ruamel's; its message may quote a secret
        raise CannotEdit(f"a value has a tag it does not fit ({type(error).__name__})") from None


def proven(path: KeyPath, before: tuple[str, Any], after: str, change: DataChange) -> bytes:
    """The edited file, if all readers get the old data with the change. Raises CannotEdit.

    A reader of YAML 1.1 (many programs) is asked as well, if it could read the file before and
    found the same on the path.
    """
    content = after.encode("utf-8")
    _, data = before
    try:
        _, new = read(content)
        right = same(new, change(data))
    except (CannotEdit, LookupError):
        right = False
    if not right or not _proven_for_older_readers(path, before, after, change):
        raise CannotEdit(_UNPROVEN)
    return content


def _proven_for_older_readers(
    path: KeyPath, before: tuple[str, Any], after: str, change: DataChange
) -> bool:
    text, data = before
    try:
        old = yaml_of(text)
    except ValueError:
        return True
    ways = [path[:length] for length in range(1, len(path) + 1)]
    if any(holds(old, way) != holds(data, way) for way in ways):
        return True
    try:
        return same(yaml_of(after), change(old))
    except (ValueError, LookupError):
        return False


def same(one: Any, other: Any) -> bool:
    """Equal in value and type all the way down: 1, 1.0 and True differ, and .nan is .nan."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        if {(type(key), key) for key in one} != {(type(key), key) for key in other}:
            return False
        return all(same(item, other[key]) for key, item in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)
    return bool(one == other)


def holds(data: Any, path: KeyPath) -> bool:
    """Whether something (null included) stands there."""
    try:
        value_at(data, path)
    except LookupError:
        return False
    return True


def value_at(data: Any, path: KeyPath) -> Any:
    """What stands there. Raises LookupError."""
    for step in path:
        there = (
            isinstance(data, list) and step in range(len(data))
            if isinstance(step, int)
            else isinstance(data, dict) and step in data
        )
        if not there:
            raise LookupError(path)
        data = data[step]
    return data


def with_value(data: Any, path: KeyPath, value: Any) -> Any:
    """The data with a value set; what is missing or null on the way becomes a mapping."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        value_at(data, (step,))
        return [with_value(item, rest, value) if i == step else item for i, item in enumerate(data)]
    if data is not None and not isinstance(data, dict):
        raise LookupError(path)
    mapping = dict(data or {})
    mapping[step] = with_value(mapping.get(step), rest, value)
    return mapping


def without(data: Any, path: KeyPath, emptied: Any) -> Any:
    """The data without what stands there; `emptied` is what remains of a container of one."""
    above, step = value_at(data, path[:-1]), path[-1]
    value_at(data, path)
    rest = (
        {key: item for key, item in above.items() if key != step}
        if isinstance(above, dict)
        else [item for number, item in enumerate(above) if number != step]
    )
    return with_value(data, path[:-1], rest or emptied)


def renamed(data: Any, path: KeyPath, name: str) -> Any:
    """The data with a key renamed where it stands."""
    above = value_at(data, path[:-1])
    if name in above:
        raise LookupError(name)
    mapping = {name if key == path[-1] else key: item for key, item in above.items()}
    return with_value(data, path[:-1], mapping)


def appended(data: Any, path: KeyPath, value: Any) -> Any:
    """The data with an item more in a sequence."""
    return with_value(data, path, [*value_at(data, path), value])
