"""The splices that edit flow style: `{key: value, …}` and `[item, …]`."""

from __future__ import annotations

from tabbydoctor.yaml.block import ends_line
from tabbydoctor.yaml.text import CannotEdit, LinedText, Splice
from tabbydoctor.yaml.tree import YamlEntry, YamlNode, YamlTree


def insert_entry(text: LinedText, tree: YamlTree, node: YamlNode, new: str) -> Splice:
    """A new last entry; a comma at the end stays one."""
    if text.content[node.content] not in "{[":
        raise CannotEdit("a pair in a flow sequence has no braces", text.number(node.content))
    if not node.entries:
        return Splice(node.content + 1, node.content + 1, new)
    last = node.entries[-1]
    comma = tree.tokens.comma_after(last.end)
    if comma is None:
        return Splice(last.end, last.end, f", {new}")
    if not text.before(last.start).strip() and ends_line(text, comma[1]):
        return text.insert_below(comma[1], [text.before(last.start) + new + ","])
    return Splice(comma[1], comma[1], f" {new},")


def replace_value(text: LinedText, tree: YamlTree, entry: YamlEntry, value: str) -> list[Splice]:
    """A value in place of another; `{key}` gets its colon."""
    node = entry.value
    if node.tagged:
        anchor = f"&{node.anchor} " if node.anchor else ""
        return [Splice(node.start, node.end, anchor + value)]
    if node.empty:
        colon = "" if entry.key is None or tree.tokens.colon(entry) else ":"
        return [Splice(node.end, node.end, f"{colon} {value}")]
    return [Splice(node.content, node.end, value)]


def remove_entry(text: LinedText, tree: YamlTree, node: YamlNode, number: int) -> list[Splice]:
    """An entry with one comma; with its lines if it has them for itself."""
    entry = node.entries[number]
    comma = tree.tokens.comma_after(entry.end)
    end = comma[1] if comma else entry.end
    if not text.before(entry.start).strip() and ends_line(text, end):
        return [text.delete_lines(entry.start, end)]
    if number > 0:
        before = tree.tokens.comma_after(node.entries[number - 1].end)
        if before is not None:
            return [Splice(before[1] if comma else before[0], end)]
    if number + 1 < len(node.entries):
        return [Splice(entry.start, node.entries[number + 1].start)]
    return [Splice(entry.start, end)]
