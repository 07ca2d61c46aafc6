"""A YAML file's text, its data, and the splices that put a value at a path of it."""

from __future__ import annotations

from collections.abc import Sequence

from tabbydoctor.records import dataclass
from tabbydoctor.yaml import block, flow
from tabbydoctor.yaml.block import Written
from tabbydoctor.yaml.data import DataChange, proven, read
from tabbydoctor.yaml.nodes import KeyPath
from tabbydoctor.yaml.scalar import scalar
from tabbydoctor.yaml.text import CannotEdit, LinedText, Splice
from tabbydoctor.yaml.tree import YamlEntry, YamlNode, YamlTree

_NAMES = {"scalar": "a scalar", "alias": "an alias", "mapping": "a mapping", "sequence": "a list"}


@dataclass(slots=True)
class _Place:
    """How far a path leads, and the steps of it for which there is nothing."""

    way: list[tuple[YamlNode, int]]
    """The collections on the way, each with the number of the entry taken."""
    node: YamlNode | None
    rest: KeyPath

    @property
    def entry(self) -> YamlEntry:
        """The last entry taken."""
        collection, number = self.way[-1]
        return collection.entries[number]


class EditableYaml:
    """A file's content, its text, its data, and where everything stands in it."""

    def __init__(self, content: bytes) -> None:
        source, self.data = read(content)
        self.text, self.tree = LinedText(source), YamlTree(source)

    def line(self, position: int) -> int:
        return self.text.number(position)

    def line_of(self, path: KeyPath) -> int | None:
        """The line of what the path leads to, or leads furthest to."""
        place = self._walk(path)
        if place.way:
            return self.line(place.entry.start)
        return self.line(place.node.start) if place.node else None

    def edited(self, path: KeyPath, splices: list[Splice], change: DataChange) -> bytes:
        before = (self.text.content, self.data)
        try:
            return proven(path, before, self.text.spliced(splices), change)
        except CannotEdit as error:
            why = "it is used elsewhere by an alias" if self._shared(path) else error.message
            raise CannotEdit(why, self.line_of(path)) from None

    def _shared(self, path: KeyPath) -> bool:
        """Whether something on the way is an anchor's, and an alias may repeat it elsewhere."""
        on_the_way = self._walk(path).way
        anchored = [node.entries[number].value.anchor for node, number in on_the_way]
        return any(f"*{anchor}" in self.text.content for anchor in anchored if anchor)

    def node(self, path: KeyPath) -> YamlNode | None:
        """The node there, if the path leads to one without an alias or merge."""
        place = self._walk(path)
        return None if place.rest else place.node

    def find(self, path: KeyPath) -> tuple[YamlNode, int]:
        """The collection and the number of the entry in it. Raises CannotEdit."""
        place = self._walk(path)
        if place.rest:
            raise CannotEdit("what is there comes from an alias or a merge", self.line_of(path))
        return place.way[-1]

    def set(self, path: KeyPath, value: Written) -> list[Splice]:
        """The splices that put a value there. Raises CannotEdit."""
        place = self._walk(path)
        if not place.rest:
            return self._replace(place, value.on_one_line())
        keys = tuple(step for step in place.rest if isinstance(step, str))
        if len(keys) < len(place.rest):
            raise CannotEdit("the path leads to an item that is not there", self.line_of(path))
        if place.node is None or (place.node.empty and not place.way):
            return [self._at_end(keys, value, "")]
        if place.node.kind == "mapping":
            return [self._insert(place, place.node, keys, value)]
        if place.node.null and place.way:
            return self._into_null(place, place.node, keys, value)
        raise CannotEdit(f"the path runs through {_NAMES[place.node.kind]}", self.line_of(path))

    def _replace(self, place: _Place, value: str) -> list[Splice]:
        if place.way[-1][0].flow:
            return flow.replace_value(self.text, self.tree, place.entry, value)
        return block.replace_value(self.text, self.tree, place.entry, value)

    def _insert(
        self, place: _Place, mapping: YamlNode, keys: tuple[str, ...], value: Written
    ) -> Splice:
        if mapping.flow:
            new = _nested(keys, value.on_one_line())
            return flow.insert_entry(self.text, self.tree, mapping, new)
        indent = block.indentation(self.text, mapping)
        if not place.way:
            return self._at_end(keys, value, indent)
        return self._below(place, mapping.end, keys, value, indent)

    def _into_null(
        self, place: _Place, null: YamlNode, keys: tuple[str, ...], value: Written
    ) -> list[Splice]:
        """A section of which there is only the name gets its first key."""
        if not null.empty or place.way[-1][0].flow or place.entry.key is None:
            return self._replace(place, "{" + _nested(keys, value.on_one_line()) + "}")
        by = block.step(self.text, self.tree)
        indent = " " * (self.text.column(place.entry.start) + by)
        return [self._below(place, null.end, keys, value, indent)]

    def _below(
        self, place: _Place, last: int, keys: tuple[str, ...], value: Written, indent: str
    ) -> Splice:
        by = block.step(self.text, self.tree)
        lines = block.key_lines(keys, value, indent, by)
        deeper_than = self.text.column(place.entry.start)
        return block.insert_below(self.text, last, lines, deeper_than)

    def _at_end(self, keys: tuple[str, ...], value: Written, indent: str) -> Splice:
        by = block.step(self.text, self.tree)
        lines = block.key_lines(keys, value, indent, by)
        end = self.tree.tokens.document_end
        return self.text.insert_at(len(self.text.content) if end is None else end, lines)

    def _walk(self, path: KeyPath) -> _Place:
        node, way = self.tree.root, list[tuple[YamlNode, int]]()
        for done, step in enumerate(path):
            number = None if node is None else _number(node, step)
            if node is None or number is None:
                return _Place(way, node, path[done:])
            way.append((node, number))
            node = node.entries[number].value
        return _Place(way, node, ())


def _number(node: YamlNode, step: str | int) -> int | None:
    """The number of the entry a step of a path leads to."""
    if isinstance(step, int):
        inside = node.kind == "sequence" and 0 <= step < len(node.entries)
        return step if inside else None
    for number, entry in enumerate(node.entries):
        if entry.key and entry.key.kind == "scalar" and entry.key.value == step:
            return number
    return None


def _nested(keys: Sequence[str], value: str) -> str:
    """`a: {b: value}` for the keys a and b."""
    first, *rest = keys
    return f"{scalar(first)}: " + ("{" + _nested(rest, value) + "}" if rest else value)
