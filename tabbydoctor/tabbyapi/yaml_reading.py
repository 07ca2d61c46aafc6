"""Reads YAML text as TabbyAPI does: ruamel.yaml's round-trip loader, which speaks YAML 1.2.

The text may be hostile: what is read is bounded before anything is built from it, and no
message repeats a value, which may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedKeySeq
from ruamel.yaml.composer import Composer
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLStreamError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode
from ruamel.yaml.scalarbool import ScalarBoolean

from tabbydoctor.tabbyapi.config import Problem

MAX_BYTES = 256 << 10
"""The most of a file that is read; TabbyAPI's own sample has 14 KiB."""
MAX_NODES = 20_000
"""The most YAML nodes that are read (ruamel.yaml takes about a second for so many)."""
MAX_BITS = 4_000
"""The widest whole number: Python itself prints no more than 4,300 digits."""
MAX_EXPANDED = 200_000
"""The most values that aliases may expand to: TabbyAPI visits every one of them."""


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document, or why it is none."""

    data: Any = None
    """Plain dictionaries, lists and scalars."""
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    """Key path -> line, 1-based."""
    problem: Problem | None = None
    detail: str = ""
    line: int | None = None


class _TooLarge(Exception):  # noqa: N818 - a limit, not an error
    pass


class _Bomb(Exception):  # noqa: N818
    """Aliases that expand beyond MAX_EXPANDED: how many values, and the document's line."""

    def __init__(self, values: float, line: int) -> None:
        super().__init__(values, line)
        self.values, self.line = values, line


class _BoundedComposer(Composer):
    """A composer that gives up on what is too large, before anything is built from it."""

    seen = 0
    root: Node | None = None

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.seen += 1
        if self.seen > MAX_NODES:
            raise _TooLarge(f"it has more than {MAX_NODES} YAML nodes")
        return super().compose_node(parent, index)

    def get_single_node(self) -> Any:
        self.root = super().get_single_node()
        if self.root is not None and (values := _expanded(self.root)) > MAX_EXPANDED:
            raise _Bomb(values, self.root.start_mark.line + 1)
        return self.root


def read_document(data: bytes) -> Document:
    """The single document of a YAML file, as TabbyAPI gets it. Never raises for its content."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Document(problem="not-utf8", detail="it is not UTF-8 text", line=line)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        return _read(text)
    except _TooLarge as limit:
        return Document(problem="too-large", detail=str(limit))
    except _Bomb as bomb:
        return _bomb(bomb)
    except RecursionError:
        return Document(problem="syntax", detail="it is nested too deeply")
    except MarkedYAMLError as error:
        return _marked(error)
    except (YAMLError, YAMLStreamError) as error:
        # A ReaderError: characters that YAML does not allow.
        position = getattr(error, "position", None)
        at = text.count("\n", 0, position) + 1 if isinstance(position, int) else None
        return Document(problem="syntax", detail="it has control characters", line=at)
    except Exception as error:  # noqa: BLE001 - TabbyAPI too takes any of ruamel's for a bad file
        detail = f"a value is not what its YAML tag says ({type(error).__name__})"
        return Document(problem="syntax", detail=detail)


def _read(text: str) -> Document:
    yaml = YAML(typ=["rt", "safe"])
    yaml.Composer = _BoundedComposer
    # A name that is anchored twice is legal; ruamel's warning would quote the file, secrets too.
    yaml.composer.warn_double_anchors = False
    data = _plain(yaml.load(text))
    root = yaml.composer.root
    if root is None or data is None:
        return Document(problem="empty", detail="it holds nothing")
    return Document(data, _lines(root))


def _bomb(bomb: _Bomb) -> Document:
    size = "without end" if bomb.values == float("inf") else f"to {bomb.values:.0e} values"
    detail = f"its aliases expand {size}"
    return Document(problem="alias-bomb", detail=detail, line=bomb.line)


def _expanded(root: Node) -> float:
    """How many values a document has once every alias is followed; infinite for a cycle."""
    sizes: dict[int, float] = {}

    def size(node: Node) -> float:
        if id(node) not in sizes:
            sizes[id(node)] = float("inf")  # stands while its children are counted: a cycle
            sizes[id(node)] = 1 + sum(size(child) for child in _children(node))
        return sizes[id(node)]

    return size(root)


def _children(node: Node) -> list[Node]:
    if isinstance(node, MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, SequenceNode) else []


def _lines(root: Node) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}

    def walk(node: Node, path: tuple[str, ...]) -> None:
        if isinstance(node, MappingNode):
            for key, value in node.value:
                below = (*path, str(key.value))
                found.setdefault(below, key.start_mark.line + 1)
                walk(value, below)
        elif isinstance(node, SequenceNode):
            for number, item in enumerate(node.value):
                below = (*path, str(number))
                found.setdefault(below, item.start_mark.line + 1)
                walk(item, below)

    walk(root, ())
    return found


def _plain(value: Any) -> Any:
    """ruamel's own types as plain ones, merge keys resolved."""
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, CommentedKeySeq):
        return tuple(_plain(item) for item in value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, ScalarBoolean):
        return bool(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise _TooLarge("it has a number of more digits than can be shown")
    plain = next((kind for kind in (int, float, str) if isinstance(value, kind)), None)
    return plain(value) if plain else value


def _marked(error: MarkedYAMLError) -> Document:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else None
    if isinstance(error, DuplicateKeyError):
        found = re.search(r'duplicate key "([A-Za-z0-9_.-]+)"', error.problem or "")
        name = f" ({found.group(1)})" if found else ""
        return Document(problem="syntax", detail=f"a key stands twice{name}", line=line)
    problem = error.problem or "cannot be read as YAML"
    if "but found another document" in problem:
        detail = "it holds several documents (a second `---`)"
        return Document(problem="several-documents", detail=detail, line=line)
    if "'\\t'" in problem:
        detail = "a tab where YAML allows only spaces"
        return Document(problem="syntax", detail=detail, line=line)
    return Document(problem="syntax", detail=_without_values(problem), line=line)


def _without_values(problem: str) -> str:
    """A message of ruamel's without what it quotes from the file (single signs are harmless)."""
    return re.sub(r"(?<!\s)\s*(['\"])(?!<)[^'\"]{2,}\1", "", problem).strip()
