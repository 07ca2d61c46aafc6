"""What can be told from a document's nodes before anything is built from them.

The nodes of PyYAML and of ruamel.yaml are alike in what is used here: `id`, `value`, marks.
"""

from __future__ import annotations

from typing import Any

KeyPath = tuple[str | int, ...]
"""Where something stands in a document: keys of mappings, numbers of a sequence's items."""
MAX_NODES = 20_000
"""The most nodes that are read: PyYAML takes some two seconds for so many, ruamel.yaml one."""
MAX_EXPANDED = 200_000
"""The most values that aliases may expand to: readers visit every one of them."""


def expanded(root: Any) -> float:
    """How many values a document has once every alias is followed; infinite for a cycle."""
    sizes: dict[int, float] = {}

    def size(node: Any) -> float:
        if id(node) not in sizes:
            sizes[id(node)] = float("inf")  # stands while its children are counted: a cycle
            sizes[id(node)] = 1 + sum(size(child) for child in children(node))
        return sizes[id(node)]

    return size(root)


def children(node: Any) -> list[Any]:
    """The keys and values of a mapping, the items of a sequence."""
    if node.id == "mapping":
        return [part for pair in node.value for part in pair]
    return list(node.value) if node.id == "sequence" else []


def lines(root: Any) -> dict[KeyPath, int]:
    """Key path -> line, 1-based; the items of a sequence by number."""
    found: dict[KeyPath, int] = {}

    def walk(node: Any, path: KeyPath) -> None:
        if node.id == "mapping":
            for key, value in node.value:
                below = (*path, str(key.value))
                found[below] = key.start_mark.line + 1
                walk(value, below)
        elif node.id == "sequence":
            for number, item in enumerate(node.value):
                found[(*path, number)] = item.start_mark.line + 1
                walk(item, (*path, number))

    walk(root, ())
    return found
