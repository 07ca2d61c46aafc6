"""The splices that edit block style: one entry a line, told apart by indentation."""

from __future__ import annotations

import re

from tabbydoctor.records import dataclass
from tabbydoctor.yaml.scalar import scalar
from tabbydoctor.yaml.text import BREAK, CannotEdit, LinedText, Splice
from tabbydoctor.yaml.tree import YamlEntry, YamlNode, YamlTree

_COMMENT_OR_NOTHING = re.compile(r"[ \t]*(?:#.*)?")


@dataclass(frozen=True, slots=True)
class Written:
    """A value as text: what follows `key:` on its line, and lines below, relative to the key."""

    inline: str
    below: tuple[str, ...] = ()
    flow: str | None = None
    """The value alone, where it takes a single line."""

    @classmethod
    def of(cls, value: str) -> Written:
        return cls(f" {value}" if value else "", flow=value)

    def on_one_line(self) -> str:
        """For flow style. Raises CannotEdit."""
        if self.flow is None:
            raise CannotEdit("a value of several lines does not fit where it should go")
        return self.flow


def step(text: LinedText, tree: YamlTree) -> int:
    """By how much this document indents: as its first nested block does, or else 2."""
    waiting = [tree.root] if tree.root else []
    while waiting:
        node = waiting.pop(0)
        for entry in node.entries:
            value = entry.value
            nested = value.kind == "mapping" and not value.flow and entry.key is not None
            if nested and (by := text.column(value.content) - text.column(entry.start)) > 0:
                return by
            waiting.append(value)
    return 2


def key_lines(keys: tuple[str, ...], value: Written, indent: str, by: int) -> list[str]:
    """The lines of a new entry, with the sections around it that are new as well."""
    *sections, last = keys
    lines = []
    for section in sections:
        lines.append(f"{indent}{scalar(section)}:")
        indent += " " * by
    lines.append(f"{indent}{scalar(last)}:{value.inline}")
    return lines + [line and indent + line for line in value.below]


def indentation(text: LinedText, node: YamlNode) -> str:
    return " " * text.column(node.entries[0].start)


def insert_below(text: LinedText, last: int, lines: list[str], deeper_than: int) -> Splice:
    """New lines below a section's last one and the comments that belong to the section."""
    return text.insert_below(text.past_comments(last, deeper_than), lines)


def replace_value(text: LinedText, tree: YamlTree, entry: YamlEntry, value: str) -> list[Splice]:
    """A value in place of another, a null of which nothing is written included."""
    node = entry.value
    if node.tagged:
        anchor = f"&{node.anchor} " if node.anchor else ""
        return _replace_from(text, tree, node, node.start, anchor + value)
    if node.empty:
        return [Splice(node.end, node.end, f" {value}")]
    return _replace_from(text, tree, node, node.content, value)


def _replace_from(
    text: LinedText, tree: YamlTree, node: YamlNode, start: int, value: str
) -> list[Splice]:
    if node.style in ("|", ">"):
        header = re.match(r"[|>][-+0-9]*", text.content[node.content :])
        end = node.content + (header.end() if header else 1)
        body = Splice(text.line_end(end), max(node.end, text.line_end(end)))
        return [Splice(start, end, value), body]
    if not node.entries or node.flow:
        return [Splice(start, node.end, value)]
    above = tree.tokens.end_before(node.content)
    if text.same_line(above, node.content):
        return [Splice(start, node.end, value)]
    place = Splice(start, above, value) if start < above else Splice(above, above, f" {value}")
    return [place, text.delete_lines(node.content, node.end)]


def remove_entry(text: LinedText, tree: YamlTree, node: YamlNode, number: int) -> list[Splice]:
    """An entry of a block collection with its value and the comments indented under it."""
    entry = node.entries[number]
    if not text.before(entry.start).strip(" "):
        last = text.past_comments(entry.end, text.column(entry.start))
        return [text.delete_lines(entry.start, last)]
    # It shares its line with what is around it: `- key: value`.
    if len(node.entries) == 1:
        end = text.line_end(entry.end) if text.after(entry.end).strip() == "" else entry.end
        return [Splice(tree.tokens.end_before(entry.start), end)]
    following = node.entries[number + 1]
    between = text.content[text.next_line(entry.end) : following.start]
    if between.strip(" \r\n"):
        raise CannotEdit("a comment stands in the way", text.number(following.start))
    return [Splice(entry.start, following.start)]


def lift_value(text: LinedText, tree: YamlTree, node: YamlNode, entry: YamlEntry) -> Written:
    """A value as it is written, with its comments, to be put under another key."""
    colon = tree.tokens.colon(entry)
    if colon is None or text.content[entry.start] == "?":
        raise CannotEdit("the value cannot be moved as it is written", text.number(entry.start))
    value = text.content[entry.value.start : entry.value.end]
    flow = value if len(value.splitlines()) <= 1 else None
    if node.flow:
        if flow is None:
            raise CannotEdit("the value takes several lines", text.number(entry.start))
        return Written.of(flow)
    last = text.past_comments(entry.end, text.column(entry.start))
    indent = " " * text.column(entry.start)
    first, *below = BREAK.split(text.content[colon : text.line_end(last)])
    if any(line.strip() and not line.startswith(indent) for line in below):
        raise CannotEdit("a line is indented by less than its key", text.number(entry.start))
    return Written(first, tuple(line[len(indent) :] for line in below), flow)


def ends_line(text: LinedText, position: int) -> bool:
    """Whether nothing but a comment follows on the line."""
    return _COMMENT_OR_NOTHING.fullmatch(text.after(position)) is not None
