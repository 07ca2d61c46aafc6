"""Taking 401 out of what a health probe counts as healthy.

Each possible edit is tried, and the source read again as if TabbyAPI answered 401: the first
after which that is no longer healthy is the one.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import libcst as cst

from tabbydoctor.records import dataclass
from tabbydoctor.routers.wiring.plan import WiringPlan
from tabbydoctor.routers.wiring.source import Edit, Tree, edited

_STATUS = re.compile(r"status|code", re.IGNORECASE)
_OPERATORS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda one, many: one in many,
    ast.NotIn: lambda one, many: one not in many,
}
_ANSWER = "_tabby_answer"
_VERBS = {"get", "post", "head", "request"}
Edits = tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of a status with constants."""

    node: cst.Comparison
    status: str
    """The expression that is compared."""
    on_200: bool
    on_401: bool


def wire_verdicts(plan: WiringPlan) -> None:
    """Plan, for each line where a 401 counts as healthy, the edit after which it does not."""
    accepted: list[Edit] = []
    open_lines = plan.reading.accepts_401
    for line in plan.reading.accepts_401:
        if line not in open_lines:
            continue  # it only passed on the verdict of a line before
        for candidate in _candidates(plan, line):
            trial = edited(plan.tree.text, [*accepted, *candidate])
            remaining = plan.read(trial).accepts_401
            if line not in remaining:
                open_lines = remaining
                accepted += candidate
                plan.change(f"line {line}: a 401 is not healthy", *candidate)
                break
        else:
            plan.masking.append(line)


def leave_verdicts(plan: WiringPlan, text: str) -> None:
    """Say which 401 still counts as healthy in the text that all edits lead to."""
    if plan.masking and plan.read(text).accepts_401:
        for line in plan.masking:
            plan.leave(f"line {line}: a 401 counts as healthy; let only a 200")


def _candidates(plan: WiringPlan, line: int) -> Iterator[Edits]:
    """Edits that may do, the likeliest first."""
    tree = plan.tree
    inside = [node for node in tree.nodes(cst.FunctionDef) if tree.reaches(node, line)]
    around = inside[-1] if inside else tree.module
    probes = [call for call in plan.reading.of("probe") if tree.reaches(around, call.line)]
    shared = any(call.reaches_others for call in probes)
    found = [
        one
        for node in tree.nodes(cst.Comparison, within=around)
        if (one := _comparison(plan, node))
    ]
    found.sort(key=lambda one: (tree.line(one.node) != line, not one.on_200))
    for one in found:
        edits = _without_401(plan, one, shared)
        if edits:
            yield edits
    yield from _judged_answer(plan, around, shared)


def _comparison(plan: WiringPlan, node: cst.Comparison) -> Comparison | None:
    """A comparison with its truth for 200 and for 401; None where it is of something else."""
    parsed = ast.parse(f"({plan.tree.code(node)})", mode="eval").body
    if not isinstance(parsed, ast.Compare):
        return None
    sides = [parsed.left, *parsed.comparators]
    unknown = {ast.unparse(side) for side in sides if _constant(plan, side) is None}
    if len(unknown) != 1:
        return None
    status = unknown.pop()
    if not _STATUS.search(status):
        return None
    truths = [_truth(plan, parsed, answer) for answer in (200, 401)]
    return None if None in truths else Comparison(node, status, bool(truths[0]), bool(truths[1]))


def _constant(plan: WiringPlan, node: ast.expr) -> object | None:
    """A number, a collection of numbers, a range, or a name that is given one of these once."""
    match node:
        case ast.Call(func=ast.Name("range"), args=[ast.Constant(int(a)), ast.Constant(int(b))]):
            return range(a, b)
        case ast.Name(id=name):
            named = _named(plan, name)
            text = plan.tree.code(named) if named is not None else ""
        case _:
            text = ast.unparse(node)
    try:
        value: object = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None
    return value if isinstance(value, int | list | tuple | set) else None


def _named(plan: WiringPlan, name: str) -> cst.BaseExpression | None:
    """The collection that a name stands for, if it is assigned once and used once."""
    values = plan.tree.assigned(name)
    if len(values) != 1 or len(re.findall(rf"\b{re.escape(name)}\b", plan.tree.text)) != 2:
        return None
    return values[0] if isinstance(values[0], cst.List | cst.Tuple | cst.Set) else None


def _truth(plan: WiringPlan, compare: ast.Compare, answer: int) -> bool | None:
    values: list[Any] = []
    for side in (compare.left, *compare.comparators):
        constant = _constant(plan, side)
        values.append(answer if constant is None else constant)
    tests = [_OPERATORS.get(type(each)) for each in compare.ops]
    try:
        return all(test(*pair) for test, pair in zip(tests, pairwise(values), strict=True) if test)
    except TypeError:
        return None


def _without_401(plan: WiringPlan, one: Comparison, shared: bool) -> Edits:
    tree = plan.tree
    start, end = tree.span(one.node)
    if one.on_401 and not one.on_200:
        return _operand_gone(plan, one.node)
    if one.on_200 != one.on_401:
        return ()
    listed = _listed(plan, one.node)
    if listed is not None and one.on_200:
        return _element_gone(plan, listed)
    operators = [type(target.operator) for target in one.node.comparisons]
    if not one.on_200 and set(operators) & {cst.Equal, cst.NotEqual}:
        return ()  # says what another status means
    if shared:
        how = "and {} not in (401, 403)" if one.on_200 else "or {} in (401, 403)"
        text = f"({tree.code(one.node)} {how.format(one.status)})"
    else:
        text = f"{one.status} {'==' if one.on_200 else '!='} 200"
    return (Edit(start, end, text),)


def _operand_gone(plan: WiringPlan, node: cst.Comparison) -> Edits:
    """`s == 200 or s == 401` without the second."""
    around = plan.tree.parent(node)
    if not isinstance(around, cst.BooleanOperation) or not isinstance(around.operator, cst.Or):
        return ()
    other = around.left if around.right is node else around.right
    return (Edit(*plan.tree.span(around), plan.tree.code(other)),)


def _listed(plan: WiringPlan, node: cst.Comparison) -> cst.BaseExpression | None:
    """The collection that a status is looked up in."""
    target = node.comparisons[0]
    if len(node.comparisons) != 1 or not isinstance(target.operator, cst.In):
        return None
    found = target.comparator
    if isinstance(found, cst.Name):
        return _named(plan, found.value)
    return found if isinstance(found, cst.List | cst.Tuple | cst.Set) else None


def _element_gone(plan: WiringPlan, listed: cst.BaseExpression) -> Edits:
    tree = plan.tree
    elements = getattr(listed, "elements", ())
    codes = [tree.code(each.value) for each in elements]
    if "401" not in codes or len(codes) < 2:
        return ()
    at = codes.index("401")
    here, there = tree.span(elements[at]), tree.span(elements[at - 1 if at else 1])
    cut = Edit(there[1], here[1], "") if at else Edit(here[0], there[0], "")
    if len(codes) == 2 and isinstance(listed, cst.Tuple):
        return (Edit(cut.start, cut.end, "," if at else ""), *_comma(plan, elements, at))
    return (cut,)


def _comma(plan: WiringPlan, elements: tuple[cst.Element, ...], at: int) -> Edits:
    """A tuple of one needs its comma: `(401, 200)` becomes `(200,)`."""
    last = elements[-1]
    if at or isinstance(last.comma, cst.Comma):
        return ()
    end = plan.tree.span(last)[1]
    return (Edit(end, end, ","),)


def _judged_answer(plan: WiringPlan, around: cst.CSTNode, shared: bool) -> Iterator[Edits]:
    """Edits that keep a probe's answer, and return True only where its status is good."""
    tree = plan.tree
    for call in plan.reading.of("probe"):
        sent = tree.call(call.line, call.column, lambda name: name in _VERBS)
        if sent is None or around not in (tree.module, tree.function(sent)):
            continue
        name, kept = _answer(tree, sent)
        status = "status" if call.library == "aiohttp" else "status_code"
        good = "not in (401, 403)" if shared else "== 200"
        for given in _true_after(tree, around, sent) if name else ():
            yield (*kept, Edit(*tree.span(given), f"{name}.{status} {good}"))


def _answer(tree: Tree, sent: cst.Call) -> tuple[str, Edits]:
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
