"""Parsing texts that may be hostile: bounded in time and memory, and one kind of error.

What is refused: too much of it, nested too deeply, aliases that expand beyond measure, numbers
of thousands of digits. Messages repeat no value, which may be a secret.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from functools import lru_cache
from typing import Any

import yaml

MOST_TEXT = 256 << 10
"""Characters of YAML or TOML: both are read in pure Python."""
MOST_NODES = 20_000
"""YAML nodes (PyYAML takes about two seconds for so many)."""
MOST_EXPANDED = 200_000
"""Values once every alias and merge key is followed."""
MOST_MEMORY = 96 << 20
"""Bytes that the values of a JSON document may take, as estimated from its text."""
LONGEST_NUMBER = 1_000
"""Digits; Python itself refuses to print what has more than 4,300."""
MOST_TOKENS = 150_000
"""Words and signs of a Python source; each may become a node of half a kilobyte."""

_BYTES = {"{": 232, "[": 88, ",": 100}
"""What a sign of JSON stands for in memory, at most."""
_TOKEN = re.compile(r"\w+|[^\w\s]")
_DIGITS = re.compile(r"[0-9]{1,18}")
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


class Unreadable(ValueError):  # noqa: N818 - an answer
    """A text is no such document, or more than is read; `line` is where, if that is known."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line


def whole_number(text: str) -> int | None:
    """The number that ASCII digits alone stand for; None for any other text or too many."""
    return int(text) if _DIGITS.fullmatch(text) else None


def json_of(text: str | bytes) -> Any:
    """The data of a JSON document. Raises Unreadable."""
    counted = text if isinstance(text, str) else text.decode("utf-8", errors="replace")
    if sum(counted.count(sign) * size for sign, size in _BYTES.items()) > MOST_MEMORY:
        raise Unreadable("it is too large")
    try:
        return json.loads(text)
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    except ValueError as error:  # no JSON, no UTF-8, or a number of too many digits
        raise Unreadable("it is not valid JSON", getattr(error, "lineno", None)) from None


def toml_of(text: str) -> dict[str, Any]:
    """The data of a TOML document. Raises Unreadable, with what the parser says."""
    if len(text) > MOST_TEXT:
        raise Unreadable("it is too large")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    except ValueError as error:
        raise Unreadable(str(error)) from None


@lru_cache(maxsize=512)
def python_of(source: str) -> ast.Module:
    """The syntax tree of a Python source, made once: nobody changes it. Raises Unreadable."""
    if len(source) > MOST_TOKENS < sum(1 for _ in _TOKEN.finditer(source)):
        raise Unreadable(f"it has more than {MOST_TOKENS:,} words and signs")
    try:
        return ast.parse(source)
    except (RecursionError, MemoryError):  # the parser's own stack, which is no lack of memory
        raise Unreadable("it is nested too deeply") from None
    except SyntaxError as error:
        raise Unreadable(f"not valid Python: {error.msg}", error.lineno) from None
    except ValueError as error:  # a NUL, a surrogate
        raise Unreadable(f"not valid Python: {error}") from None


def yaml_of(text: str | bytes) -> Any:
    """The data of a YAML document as PyYAML's safe loader has it. Raises Unreadable."""
    return yaml_with_root(text)[0]


def yaml_with_root(text: str | bytes) -> tuple[Any, yaml.Node | None]:
    """The same, with the document's node, which knows the lines. Raises Unreadable."""
    if len(text) > MOST_TEXT:
        raise Unreadable("it is too large")
    try:
        loader = _BoundedLoader(text)
        root = loader.get_single_node()
        if root is None:
            return None, None
        _measure(root)
        return loader.construct_document(root), root
    except Unreadable:
        raise
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        problem = re.sub(r"\s*(['\"])(?!<)[^'\"]{2,}\1", "", error.problem or "").strip()
        raise Unreadable(f"not valid YAML: {problem}", mark.line + 1 if mark else None) from None
    except Exception as error:  # noqa: BLE001 - `!!int x`, `!!bool x`, 2001-99-99: of any kind
        raise Unreadable(f"not valid YAML: {type(error).__name__}") from None


class _BoundedLoader(yaml.SafeLoader):
    """A safe loader that gives up on what is too large, before anything is built from it."""

    seen = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.seen += 1
        if self.seen > MOST_NODES:
            raise Unreadable(f"it has more than {MOST_NODES:,} YAML nodes")
        return super().compose_node(parent, index)


def _measure(root: yaml.Node) -> None:
    """Raises Unreadable for what would take too long to build, or to print."""
    sizes: dict[int, float] = {}

    def size(node: yaml.Node) -> float:
        if id(node) not in sizes:
            sizes[id(node)] = float("inf")  # stands while its children are counted: a cycle
            sizes[id(node)] = 1 + sum(size(child) for child in _children(node))
        return sizes[id(node)]

    if size(root) > MOST_EXPANDED:
        raise Unreadable("its aliases expand beyond measure")


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    if node.tag in _NUMBERS and len(node.value) > LONGEST_NUMBER:
        raise Unreadable("a number has too many digits", node.start_mark.line + 1)
    return []
