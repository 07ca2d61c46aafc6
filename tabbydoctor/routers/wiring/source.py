"""A Python source as it stands on disk: its text, the places of its nodes, edits by offset."""

from __future__ import annotations

import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import libcst as cst
from libcst.metadata import (
    CodeRange,
    MetadataWrapper,
    ParentNodeProvider,
    PositionProvider,
    QualifiedNameProvider,
)

from tabbydoctor.records import dataclass

Node = TypeVar("Node", bound=cst.CSTNode)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")


@dataclass(frozen=True, slots=True)
class Edit:
    """The text between two offsets becomes another; an empty span is an insertion."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Encoded:
    """The text of a file and how it was written."""

    text: str
    encoding: str
    bom: bool

    @staticmethod
    def read(raw: bytes) -> Encoded:
        """Decode as Python does (PEP 263). Raises SyntaxError or UnicodeDecodeError."""
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        bom = encoding == "utf-8-sig"
        text = raw.decode(encoding)
        return Encoded(text, "utf-8" if bom else encoding, bom)

    def write(self, text: str) -> bytes:
        """The bytes of another text in the same manner."""
        return (b"\xef\xbb\xbf" if self.bom else b"") + text.encode(self.encoding)


def lines_of(text: str) -> list[str]:
    """Lines with their ends, as the Python tokenizer counts them (a form feed ends none)."""
    return [line for line in _LINE.findall(text) if line]


def newline_of(text: str) -> str:
    """The line end a text uses most."""
    windows = text.count("\r\n")
    return "\r\n" if windows * 2 > text.count("\n") else "\n"


def quoted(text: str, quote: str = '"') -> str:
    """A Python string of ASCII alone, whatever the file's encoding."""
    plain = text.isascii() and text.isprintable() and not set(text) & {"\\", "'", '"'}
    return f"{quote}{text}{quote}" if plain else ascii(text)


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with every edit made; of two that overlap only the outer one is.

    Insertions at one place keep their order.
    """
    kept: list[Edit] = []
    ordered = sorted(
        dict.fromkeys(edits), key=lambda each: (each.start, each.end > each.start, -each.end)
    )
    for edit in ordered:
        if kept and edit.start < kept[-1].end:
            continue
        kept.append(edit)
    for edit in reversed(kept):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


class Tree:
    """A parsed source. Lines count from 1, columns from 0, in characters."""

    def __init__(self, text: str) -> None:
        """Raises libcst.ParserSyntaxError."""
        self.text = text
        self._lines = lines_of(text)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))
        wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
        self.module = wrapper.module
        self._every = _walked(self.module)  # once: to walk it costs more than to parse it
        self._of_kind: dict[type[cst.CSTNode], list[Any]] = {}
        self._positions = wrapper.resolve(PositionProvider)
        self._names = wrapper.resolve(QualifiedNameProvider)
        self._parents = wrapper.resolve(ParentNodeProvider)
        self.calls: dict[tuple[int, int], list[cst.Call]] = {}
        self.calls_on: dict[int, list[cst.Call]] = defaultdict(list)
        for node in self.nodes(cst.Call):
            start = self.range(node).start
            self.calls.setdefault((start.line, start.column), []).append(node)
            self.calls_on[start.line].append(node)

    def nodes(self, kind: type[Node], within: cst.CSTNode | None = None) -> list[Node]:
        """Every node of a kind, in the order of the source, outer ones first."""
        if within is not None:
            return [node for node in _walked(within) if isinstance(node, kind)]
        if kind not in self._of_kind:
            self._of_kind[kind] = [node for node in self._every if isinstance(node, kind)]
        return self._of_kind[kind]

    def range(self, node: cst.CSTNode) -> CodeRange:
        """From where to where a node reaches."""
        return self._positions[node]

    def line(self, node: cst.CSTNode) -> int:
        """The line where a node starts."""
        return self.range(node).start.line

    def reaches(self, around: cst.CSTNode, line: int) -> bool:
        """Whether a line is one of a function's, or of the module's."""
        reach = self.range(around)
        inside = reach.start.line <= line <= reach.end.line
        return inside or isinstance(around, cst.Module)

    def span(self, node: cst.CSTNode) -> tuple[int, int]:
        """The offsets of a node in the text."""
        at = self.range(node)
        return self.offset(at.start.line, at.start.column), self.offset(at.end.line, at.end.column)

    def offset(self, line: int, column: int) -> int:
        """The offset of a place in the text."""
        return self._starts[line - 1] + column

    def code(self, node: cst.CSTNode) -> str:
        """A node's text, as it stands."""
        start, end = self.span(node)
        return self.text[start:end]

    def names(self, node: cst.CSTNode) -> set[str]:
        """What an expression may be called in full: `httpx.AsyncClient`."""
        found = self._names.get(node, set())
        return {each.name for each in (found() if callable(found) else found)}

    def assigned(self, name: str, within: cst.CSTNode | None = None) -> list[cst.BaseExpression]:
        """The values that a name is given by `name = …`."""
        return [
            node.value
            for node in self.nodes(cst.Assign, within)
            if any(isinstance(t.target, cst.Name) and t.target.value == name for t in node.targets)
        ]

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """The node around."""
        return self._parents.get(node)

    def function(self, node: cst.CSTNode) -> cst.CSTNode:
        """The innermost function around a node, else the module."""
        around = self.parent(node)
        while around is not None and not isinstance(around, cst.FunctionDef):
            around = self.parent(around)
        return around or self.module

    def call(self, line: int, column: int, named: Callable[[str], bool]) -> cst.Call | None:
        """The call that starts at a place and whose function's last name is one of `named`.

        `requests.get(url).json()` has two calls that start at the same place.
        """
        found = [each for each in self.calls.get((line, column), []) if named(last_name(each))]
        return found[-1] if found else None


def _walked(node: cst.CSTNode) -> list[cst.CSTNode]:
    """A node and all below it, in the order of the source, outer ones first."""
    found: list[cst.CSTNode] = []
    waiting = [node]
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting += reversed(node.children)
    return found


def last_name(call: cst.CSTNode | None) -> str:
    """`get` of `client.get(…)`; empty for what has no name, or is no call."""
    match call:
        case cst.Call(func=cst.Attribute(attr=cst.Name(value=name)) | cst.Name(value=name)):
            return str(name)
    return ""


def argument(call: cst.Call, name: str) -> cst.BaseExpression | None:
    """What a call is given by a name."""
    named = (arg for arg in call.args if arg.keyword is not None and arg.keyword.value == name)
    return next((arg.value for arg in named), None)
