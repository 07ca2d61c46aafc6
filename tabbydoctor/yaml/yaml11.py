"""YAML 1.1, as PyYAML's safe loader has it and many programs read it; bounded."""

from __future__ import annotations

from typing import Any

import yaml

from tabbydoctor.documents import MOST_TEXT, Unreadable
from tabbydoctor.yaml.document import YamlDocument
from tabbydoctor.yaml.nodes import MAX_EXPANDED, MAX_NODES, expanded, lines
from tabbydoctor.yaml.problems import told, without_values

LONGEST_NUMBER = 1_000
"""Digits; Python itself refuses to print what has more than 4,300."""

_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


def yaml_of(text: str | bytes) -> Any:
    """The data of a document. Raises Unreadable."""
    return _with_root(text)[0]


def document(text: str) -> YamlDocument:
    """The document with the line of every key; a problem is told, not raised."""
    try:
        data, root = _with_root(text)
    except Unreadable as error:
        return YamlDocument(problem="syntax", detail=str(error), line=error.line)
    return YamlDocument(data, lines(root) if root else {})


def _with_root(text: str | bytes) -> tuple[Any, yaml.Node | None]:
    """The data, and the document's node. Raises Unreadable."""
    if len(text) > MOST_TEXT:
        raise Unreadable("it is too large")
    try:
        loader = _BoundedLoader(text)
        root = loader.get_single_node()
        if root is None:
            return None, None
        if expanded(root) > MAX_EXPANDED:
            raise Unreadable("its aliases expand beyond measure")
        return loader.construct_document(root), root
    except Unreadable:
        raise
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    except yaml.MarkedYAMLError as error:
        problem, line = told(error)
        raise Unreadable(f"not valid YAML: {without_values(problem)}", line) from None
    except Exception as error:  # noqa: BLE001 - `!!int x`, `!!bool x`, 2001-99-99: of any kind
        raise Unreadable(f"not valid YAML: {type(error).__name__}") from None


class _BoundedLoader(yaml.SafeLoader):
    """A safe loader that gives up on what is too large, before anything is built from it."""

    seen = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.seen += 1
        if self.seen > MAX_NODES:
            raise Unreadable(f"it has more than {MAX_NODES:,} YAML nodes")
        return super().compose_node(parent, index)

    def compose_scalar_node(self, anchor: Any) -> yaml.ScalarNode:
        node = super().compose_scalar_node(anchor)
        if node.tag in _NUMBERS and len(node.value) > LONGEST_NUMBER:
            raise Unreadable("a number has too many digits", node.start_mark.line + 1)
        return node
