"""Where everything of a YAML document stands in its text, by ruamel.yaml's own parser.

Ends are those of the last sign that means something: comments and blank lines below a block
are not part of it (the parser's own marks include them).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.events import (
    AliasEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)
from ruamel.yaml.tokens import (
    AnchorToken,
    BlockEntryToken,
    DocumentEndToken,
    FlowEntryToken,
    KeyToken,
    TagToken,
    ValueToken,
)

from tabbydoctor.records import dataclass, field

YamlKind = Literal["scalar", "alias", "mapping", "sequence"]


@dataclass(slots=True)
class YamlNode:
    """A node, from its anchor or tag (`start`) to the end of its last sign."""

    kind: YamlKind
    start: int
    end: int
    content: int
    """Where it starts after its anchor and tag."""
    tagged: bool = False
    flow: bool = False
    style: str = ""
    """Of a scalar: `'`, `"`, `|`, `>` or plain."""
    value: str = ""
    anchor: str = ""
    entries: list[YamlEntry] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """A null of which nothing is written but perhaps an anchor or tag."""
        return self.kind == "scalar" and not self.style and not self.value

    @property
    def null(self) -> bool:
        plain = self.kind == "scalar" and not self.style and not self.tagged
        return plain and self.value in ("", "~", "null", "Null", "NULL")


@dataclass(slots=True)
class YamlEntry:
    """A pair of a mapping, or an item of a sequence (without a key)."""

    start: int
    """Of its `?`, key or `-`."""
    value: YamlNode
    key: YamlNode | None = None

    @property
    def end(self) -> int:
        return self.value.end


class YamlTokens:
    """The signs of a text that mean something, in order."""

    def __init__(self, text: str) -> None:
        tokens = list(YAML(typ="safe", pure=True).scan(text))
        self.keys = [one.start_mark.index for one in tokens if isinstance(one, KeyToken)]
        self._real = [one for one in tokens if one.end_mark.index > one.start_mark.index]
        self._starts = [one.start_mark.index for one in self._real]
        ends = (one for one in tokens if isinstance(one, DocumentEndToken))
        self.document_end: int | None = next((one.start_mark.index for one in ends), None)

    def from_(self, position: int) -> Iterator[Any]:
        return iter(self._real[bisect_left(self._starts, position) :])

    def first(self, kind: type[Any], start: int, end: int) -> tuple[int, int] | None:
        """The first token of a kind that starts there."""
        for token in self.from_(start):
            if token.start_mark.index >= end:
                return None
            if isinstance(token, kind):
                return token.start_mark.index, token.end_mark.index
        return None

    def end_before(self, position: int) -> int:
        """The end of the last token that starts before a position."""
        index = bisect_left(self._starts, position) - 1
        return self._real[index].end_mark.index if index >= 0 else 0

    def comma_after(self, position: int) -> tuple[int, int] | None:
        """A comma, if it is what comes next."""
        token = next(self.from_(position), None)
        if not isinstance(token, FlowEntryToken):
            return None
        return token.start_mark.index, token.end_mark.index

    def colon(self, entry: YamlEntry) -> int | None:
        """The end of the `:` between key and value."""
        if entry.key is None:
            return None
        end = max(entry.value.content, entry.key.end + 1)
        found = self.first(ValueToken, entry.key.end, end)
        return found[1] if found else None

    def properties_end(self, start: int, end: int) -> int:
        """Where a node's content starts after its anchor and tag."""
        for token in self.from_(start):
            if token.start_mark.index >= end:
                break
            if not isinstance(token, AnchorToken | TagToken):
                return int(token.start_mark.index)
        return end

    def key_start(self, start: int, key: YamlNode) -> int:
        """Where a pair starts: at its `?`, or at the key and its anchor."""
        index = bisect_left(self.keys, start)
        if index < len(self.keys) and self.keys[index] <= key.start:
            return self.keys[index]
        if not key.empty:
            return key.start
        return next((int(one.start_mark.index) for one in self.from_(key.end)), key.end)

    def dash(self, value: YamlNode) -> int:
        """The `-` of a block sequence's item."""
        index = bisect_right(self._starts, value.start - 1) - 1
        while not isinstance(self._real[index], BlockEntryToken):
            index -= 1
        return int(self._starts[index])


class YamlTree:
    """The only document of a text; `root` is None where it has none."""

    def __init__(self, text: str) -> None:
        self.text, self.tokens = text, YamlTokens(text)
        events = YAML(typ="safe", pure=True).parse(text)
        self._events: Iterator[Any] = iter(list(events))
        self.root: YamlNode | None = None
        for event in self._events:
            if isinstance(event, NodeEvent):
                self.root = self._node(event)
                break

    def _node(self, event: Any) -> YamlNode:
        start, end = event.start_mark.index, event.end_mark.index
        anchor, tagged = event.anchor or "", getattr(event, "tag", None) is not None
        if isinstance(event, AliasEvent):
            return YamlNode("alias", start, end, start)
        if isinstance(event, ScalarEvent):
            return self._scalar(event, start, end, tagged)
        kind: YamlKind = "mapping" if isinstance(event, MappingStartEvent) else "sequence"
        content = self.tokens.properties_end(start, end) if kind == "sequence" else end
        if event.flow_style:
            content = self.tokens.properties_end(start, end)
        node = YamlNode(kind, start, end, content, tagged, bool(event.flow_style), anchor=anchor)
        if isinstance(event, SequenceStartEvent):
            self._items(node)
        else:
            self._pairs(node)
        return node

    def _scalar(self, event: Any, start: int, end: int, tagged: bool) -> YamlNode:
        style = event.style or ""
        node = YamlNode("scalar", start, end, start, tagged, style=style, value=event.value)
        node.anchor = event.anchor or ""
        if node.empty:  # its marks are those of whatever comes next
            node.end = self.tokens.end_before(max(end, start))
            node.start = node.end if start == end else start
            node.content = node.end
            return node
        node.content = self.tokens.properties_end(start, end)
        if style in ("|", ">"):
            node.end = self._block_scalar_end(node.content, end)
        return node

    def _block_scalar_end(self, content: int, end: int) -> int:
        """Before the last line break; blank lines below belong to it only under `+`."""
        written = self.text[content:end]
        header = written.splitlines()[0].split(" ")[0]
        kept = written.rstrip("\r\n")
        if "+" in header:
            last = 2 if written.endswith("\r\n") else 1
            kept = written[:-last] if written[-1:] in ("\r", "\n") else written
        return content + max(len(kept), len(header))

    def _items(self, node: YamlNode) -> None:
        while isinstance(event := next(self._events), NodeEvent):
            item = self._node(event)
            start = item.start if node.flow else self.tokens.dash(item)
            node.entries.append(YamlEntry(start, item))
        node.end = self._end(node, event)

    def _pairs(self, node: YamlNode) -> None:
        boundary = node.content
        while isinstance(event := next(self._events), NodeEvent):
            key = self._node(event)
            value = self._node(next(self._events))
            node.entries.append(YamlEntry(self.tokens.key_start(boundary, key), value, key))
            boundary = value.end
        node.end = self._end(node, event)

    def _end(self, node: YamlNode, last: Any) -> int:
        if node.flow or not node.entries:
            return self.tokens.end_before(last.end_mark.index)
        return node.entries[-1].end
