"""Edits of YAML files that change only the lines they must.

Every function takes a file's content and gives the edited content; it touches no file. What it
gives is proven: read again, by ruamel.yaml as YAML 1.2 (and by PyYAML where that could read the
file before), the data is the old data with the wanted change and nothing else. Where no place can
be proven right it raises CannotEdit.
Applied twice, an edit changes nothing the second time: the very same bytes come back.

A path's strings are keys of mappings and its integers number the items of sequences.
"""

from __future__ import annotations

from typing import Any

from tabbydoctor.yaml import block, flow
from tabbydoctor.yaml.block import Written
from tabbydoctor.yaml.data import (
    appended,
    holds,
    renamed,
    same,
    value_at,
    with_value,
    without,
)
from tabbydoctor.yaml.editable import EditableYaml
from tabbydoctor.yaml.nodes import KeyPath
from tabbydoctor.yaml.scalar import double_quoted, is_plain, one_line, scalar
from tabbydoctor.yaml.text import CannotEdit, Splice
from tabbydoctor.yaml.tree import YamlNode

__all__ = [
    "CannotEdit",
    "YamlValue",
    "append_item",
    "move_key",
    "remove_key",
    "rename_key",
    "set_value",
]

YamlValue = str | int | float | bool | None | list[Any]


def set_value(content: bytes, path: KeyPath, value: YamlValue) -> bytes:
    """Sets a value; a missing key is added at the end of its section, a section at the file's.

    Raises CannotEdit.
    """
    _require(path)
    document = EditableYaml(content)
    if holds(document.data, path):
        old = value_at(document.data, path)
        if same(old, value):
            return content
        node = document.node(path)
        sequence = node is not None and node.kind == "sequence"
        if sequence and old and isinstance(value, list) and value:
            return _set_items(content, path, old, value)
    splices = document.set(path, Written.of(one_line(value)))
    return document.edited(path, splices, lambda data: with_value(data, path, value))


def remove_key(content: bytes, path: KeyPath, *, prune: bool = False) -> bytes:
    """Removes a key (or an item) with its value and the comments indented under it.

    What stands before it stays. With `prune`, a section that would be left empty goes too; without,
    its name stays, null (or its braces). The number of an item means another one once it is gone.
    Raises CannotEdit.
    """
    _require(path)
    document = EditableYaml(content)
    if not holds(document.data, path):
        return content
    while prune and len(path) > 1 and len(value_at(document.data, path[:-1])) == 1:
        path = path[:-1]
    node, number = document.find(path)
    remove = flow.remove_entry if node.flow else block.remove_entry
    splices = remove(document.text, document.tree, node, number)
    kept: Any = {} if node.kind == "mapping" else []
    emptied = kept if node.flow else None
    return document.edited(path, splices, lambda data: without(data, path, emptied))


def rename_key(content: bytes, path: KeyPath, new_name: str) -> bytes:
    """Renames a key where it stands, in the quotes it has. Raises CannotEdit."""
    _require(path)
    document = EditableYaml(content)
    if not holds(document.data, path) or path[-1] == new_name:
        return content
    node, number = document.find(path)
    entry = node.entries[number]
    key = entry.key
    if key is None:
        raise CannotEdit("an item of a sequence has no name", document.line(entry.start))
    if holds(document.data, (*path[:-1], new_name)):
        raise CannotEdit("a key of the new name stands beside it", document.line(entry.start))
    splice = Splice(key.content, key.end, _quoted_like(key, new_name))
    return document.edited(path, [splice], lambda data: renamed(data, path, new_name))


def move_key(content: bytes, path: KeyPath, new_path: KeyPath, *, prune: bool = False) -> bytes:
    """Moves a key with its value, as it is written, to a place where nothing stands.

    In the same section it is renamed. Raises CannotEdit.
    """
    _require(path)
    _require(new_path)
    name = new_path[-1]
    if isinstance(name, int) or isinstance(path[-1], int):
        raise CannotEdit("only keys can be moved")
    if path[:-1] == new_path[:-1]:
        return rename_key(content, path, name)
    document = EditableYaml(content)
    if not holds(document.data, path):
        return content
    node, number = document.find(path)
    if holds(document.data, new_path):
        raise CannotEdit("something stands at the new place", document.line(node.start))
    if new_path[: len(path)] == path:
        raise CannotEdit("a key cannot be moved into its own value", document.line(node.start))
    moved = block.lift_value(document.text, document.tree, node, node.entries[number])
    value = value_at(document.data, path)
    splices = document.set(new_path, moved)
    added = document.edited(new_path, splices, lambda data: with_value(data, new_path, value))
    return remove_key(added, path, prune=prune)


def append_item(content: bytes, path: KeyPath, value: YamlValue) -> bytes:
    """Adds an item at a sequence's end, unless it holds an equal one; a missing one is made.

    Raises CannotEdit.
    """
    _require(path)
    document = EditableYaml(content)
    items = value_at(document.data, path) if holds(document.data, path) else None
    if items is None:
        return set_value(content, path, [value])
    if not isinstance(items, list):
        raise CannotEdit("what stands there is no sequence", document.line_of(path))
    if any(same(item, value) for item in items):
        return content
    return _append(document, path, value)


def _require(path: KeyPath) -> None:
    if not path:
        raise CannotEdit("the path is empty")


def _quoted_like(key: YamlNode, name: str) -> str:
    if key.style == '"':
        return double_quoted(name)
    return f"'{name}'" if key.style == "'" and is_plain(name) else scalar(name)


def _set_items(content: bytes, path: KeyPath, old: list[Any], new: list[Any]) -> bytes:
    """A list in place of another, item by item, so that what stays is not rewritten."""
    for number, (before, after) in enumerate(zip(old, new, strict=False)):
        if not same(before, after):
            content = set_value(content, (*path, number), after)
    for item in new[len(old) :]:
        content = _append(EditableYaml(content), path, item)
    for number in range(len(old) - 1, len(new) - 1, -1):
        content = remove_key(content, (*path, number))
    return content


def _append(document: EditableYaml, path: KeyPath, value: Any) -> bytes:
    node, number = document.find(path)
    sequence = node.entries[number].value
    if sequence.kind != "sequence":
        raise CannotEdit("the sequence is an alias", document.line(sequence.start))
    if sequence.flow:
        splice = flow.insert_entry(document.text, document.tree, sequence, one_line(value))
    else:
        line = block.indentation(document.text, sequence) + "- " + one_line(value)
        above = document.text.column(node.entries[number].start)
        splice = block.insert_below(document.text, sequence.end, [line], above)
    return document.edited(path, [splice], lambda data: appended(data, path, value))
