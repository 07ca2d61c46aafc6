"""Leading a router to TabbyAPI's own tokens file, where it reads its key from another, from one
that it cannot open, or with a newline that cannot be sent.

Each possible edit is tried, and the source read again: the first after which the right file is
opened, the wrong one is not, every other file is, and no other server is sent more keys than
before, is the one.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

import libcst as cst

from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.marked_block import legible
from tabbydoctor.routers.wiring.plan import WiringPlan, leaks_more
from tabbydoctor.routers.wiring.source import Edit, Tree, edited, last_name, quoted

_OPENERS = ("open", "Path")
_READERS = ("read", "readline", "read_text")
_SINGLY = 8
"""How many places of one path are tried each alone."""


def wire_paths(plan: WiringPlan, wrong: Iterable[str], right: str) -> tuple[str, ...]:
    """Plan the edits; the wrong files for which there is none are given back.

    What the marked block reads is no matter: it is written anew.
    """
    own = plan.read(legible(plan.tree.text)).reads_files
    left = []
    for path in dict.fromkeys(wrong):
        if path in own and not _corrected(plan, path, own[path], right):
            left.append(path)
    return tuple(left)


def _corrected(plan: WiringPlan, path: str, line: int, right: str) -> bool:
    before = _read_with(plan, [])
    others = set(before.reads_files) - {path, right}
    for candidate in _candidates(plan, path, line, right):
        trial = _read_with(plan, candidate)
        kept = set(trial.reads_files) - {right} == others
        if right in trial.reads_files and kept and not leaks_more(before, trial):
            plan.change(f"the key is read from {right}, not from {path}", *candidate)
            return True
    return False


def _read_with(plan: WiringPlan, candidate: list[Edit]) -> RouterReading:
    return plan.read(legible(edited(plan.tree.text, [*plan.edits, *candidate])))


def _candidates(plan: WiringPlan, path: str, line: int, right: str) -> Iterator[list[Edit]]:
    """The path where it is written as a whole; else what is opened, where that stands (but not
    what a function is called with: it may open other files, too); else the file's name, to which
    a directory is joined: an absolute path stays as it is.
    """
    tree = plan.tree
    yield from _written(tree, path, right)
    for node in tree.calls_on[line]:
        if last_name(node) in _OPENERS and node.args:
            opened = node.args[0].value
            if not _given(tree, node) & {name.value for name in tree.nodes(cst.Name, opened)}:
                yield [Edit(*tree.span(opened), quoted(right))]
    yield from _written(tree, posixpath.basename(path), right)


def _written(tree: Tree, text: str, right: str) -> Iterator[list[Edit]]:
    """Wherever a text is written, then each place alone: one may be for another server."""
    found = [node for node in tree.nodes(cst.SimpleString) if node.evaluated_value == text]
    edits = [Edit(*tree.span(node), quoted(right, node.quote)) for node in found]
    if edits:
        yield edits
    yield from ([edit] for edit in edits[:_SINGLY] if len(edits) > 1)


def _given(tree: Tree, node: cst.CSTNode) -> set[str]:
    """The names of the parameters of the function around."""
    around = tree.function(node)
    if not isinstance(around, cst.FunctionDef):
        return set()
    return {parameter.name.value for parameter in tree.nodes(cst.Param, around.params)}


def wire_denied(plan: WiringPlan, denied: Iterable[str]) -> None:
    """Plan that files which cannot be opened are replaced by the helper's."""
    own = plan.read(legible(plan.tree.text)).reads_files
    for path in denied:
        if path not in own:
            continue
        calls = plan.tree.calls_on[own[path]]
        opened = [each for each in calls if plan.tree.code(each.func) == "open"]
        for call in opened:
            said = f"line {own[path]}: what cannot be opened is replaced by the key alone"
            plan.change(said, Edit(*plan.tree.span(call.func), "_tabby_open"))
        if not opened:
            plan.leave(f"line {own[path]}: let it open no {path}, which the router may not read")


def wire_untrimmed(plan: WiringPlan) -> None:
    """Plan that the newline at the end of a key file is not sent with the key."""
    for line in plan.reading.untrimmed:
        for call in plan.tree.calls_on[line]:
            if last_name(call) not in _READERS:
                continue
            _, end = plan.tree.span(call)
            edit = Edit(end, end, ".strip()")
            if line not in plan.read(edited(plan.tree.text, [edit])).untrimmed:
                plan.change(f"line {line}: the newline at the file's end is not sent", edit)
                break
