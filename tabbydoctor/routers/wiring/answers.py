"""A probe that takes any answer for health: looking at the answer's status."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tabbydoctor.routers.wiring.plan import Plan
from tabbydoctor.routers.wiring.source import Edit, Tree

_ANSWER = "_tabby_answer"
_VERBS = {"get", "post", "head", "request"}


def judged_answer(plan: Plan, around: cst.CSTNode, shared: bool) -> Iterator[tuple[Edit, ...]]:
    """Edits that keep a probe's answer, and return True only where its status is good."""
    tree = plan.tree
    for call in plan.reading.of("probe"):
        sent = tree.call(call.line, call.column, lambda name: name in _VERBS)
        if sent is None or not _within(tree, sent, around):
            continue
        name, kept = _answer(tree, sent)
        if not name:
            continue
        status = "status" if call.library == "aiohttp" else "status_code"
        good = "not in (401, 403)" if shared else "== 200"
        for given in _true_after(tree, around, sent):
            start, end = tree.span(given)
            yield (*kept, Edit(start, end, f"{name}.{status} {good}"))


def _within(tree: Tree, node: cst.CSTNode, around: cst.CSTNode) -> bool:
    return isinstance(around, cst.Module) or tree.function(node) is around


def _answer(tree: Tree, sent: cst.Call) -> tuple[str, tuple[Edit, ...]]:
    """The name the answer has, and what gives it one."""
    whole = tree.parent(sent)
    outer: cst.CSTNode = sent
    if isinstance(whole, cst.Await):
        outer, whole = whole, tree.parent(whole)
    match whole:
        case cst.Expr():
            start, _ = tree.span(outer)
            return _ANSWER, (Edit(start, start, f"{_ANSWER} = "),)
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))]):
            return str(name), ()
        case cst.WithItem(asname=cst.AsName(name=cst.Name(value=name))):
            return str(name), ()
        case cst.WithItem(asname=None):
            _, end = tree.span(outer)
            return _ANSWER, (Edit(end, end, f" as {_ANSWER}"),)
    return "", ()


def _true_after(tree: Tree, around: cst.CSTNode, sent: cst.Call) -> Iterator[cst.CSTNode]:
    """The True values that are returned or stored below a call."""
    _, end = tree.span(sent)
    values = [node.value for node in tree.nodes(cst.Return, around)]
    values += [node.value for node in tree.nodes(cst.Assign, around)]
    for value in values:
        if isinstance(value, cst.Name) and value.value == "True" and tree.span(value)[0] > end:
            yield value
