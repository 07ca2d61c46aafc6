"""Leading a router to TabbyAPI's own tokens file, where it reads its key from another.

Each possible edit is tried, and the source read again: the first after which the right file is
opened, and the wrong one is not, is the one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from tabbydoctor.routers.marked_block import legible
from tabbydoctor.routers.wiring.plan import Plan
from tabbydoctor.routers.wiring.source import Edit, edited, last_name

_OPENERS = ("open", "Path")


def wire_paths(plan: Plan, wrong: Iterable[str], right: str) -> tuple[str, ...]:
    """Plan the edits; the wrong files for which there is none are given back.

    What the marked block reads is no matter: it is written anew.
    """
    own = plan.read(legible(plan.tree.text)).reads_files
    left = []
    for path in dict.fromkeys(wrong):
        if path in own and not _corrected(plan, path, own[path], right):
            left.append(path)
    return tuple(left)


def _corrected(plan: Plan, path: str, line: int, right: str) -> bool:
    for candidate in _candidates(plan, path, line, right):
        trial = plan.read(edited(plan.tree.text, [*plan.edits, *candidate])).reads_files
        if right in trial and path not in trial:
            plan.change(f"the key is read from {right}, not from {path}", *candidate)
            return True
    return False


def _candidates(plan: Plan, path: str, line: int, right: str) -> Iterator[list[Edit]]:
    """The path where it is written as a whole; else what is opened, where that stands."""
    tree = plan.tree
    written = [node for node in tree.nodes(cst.SimpleString) if node.evaluated_value == path]
    if written:
        yield [Edit(*tree.span(node), _quoted(right, node.quote)) for node in written]
    for node in tree.nodes(cst.Call):
        if tree.range(node).start.line == line and last_name(node) in _OPENERS and node.args:
            yield [Edit(*tree.span(node.args[0].value), _quoted(right, '"'))]


def _quoted(text: str, quote: str) -> str:
    """A Python string of ASCII alone, whatever the file's encoding."""
    plain = text.isascii() and text.isprintable() and not set(text) & {"\\", "'", '"'}
    return f"{quote}{text}{quote}" if plain else ascii(text)
