"""HTTP clients of a source that were never seen to send: requests may leave it there that were not
come to by following it.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping

from tabbydoctor.source.clients import CONSTRUCTORS
from tabbydoctor.source.seen import Seen

_HELPER = "_tabby_"
"""How the functions of the marked block begin."""


def unfollowed(tree: ast.Module, path: str, seen: Seen) -> tuple[int, ...]:
    """The lines that make a client by which nothing was seen to be sent."""
    places = (sent.client.place for sent in seen.sent if sent.client and sent.client.place)
    used = {(place.line, place.column) for place in places if place.file == path}
    if any(sent.client is not None and sent.client.place is None for sent in seen.sent):
        return ()  # what sends is not told apart: it may be any of them
    made = _made(tree)
    return tuple(sorted({line for line, column in made if (line, column) not in used}))


def _made(tree: ast.Module) -> Iterator[tuple[int, int]]:
    """Where clients are made, by the names that the source imports."""
    names, wired = dict(_imported(tree)), set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id.startswith(_HELPER):
            wired |= {id(each) for each in node.args}
        if _dotted(node.func, names) in CONSTRUCTORS and not _has_hook(node, wired):
            yield node.lineno, node.col_offset


def _has_hook(call: ast.Call, wired: Collection[int]) -> bool:
    """Whether a repair has given the client the hook, which looks where each request goes."""
    given = (node for keyword in call.keywords for node in ast.walk(keyword.value))
    return id(call) in wired or any(
        isinstance(node, ast.Name) and node.id.startswith(_HELPER) for node in given
    )


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """A name -> what it stands for, dotted."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                yield name, alias.name if alias.asname else name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _dotted(node: ast.expr, names: Mapping[str, str]) -> str:
    if isinstance(node, ast.Attribute):
        base = _dotted(node.value, names)
        return f"{base}.{node.attr}" if base else ""
    return names.get(node.id, "") if isinstance(node, ast.Name) else ""
