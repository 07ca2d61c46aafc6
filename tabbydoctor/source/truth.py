"""What `if` makes of a value: what holds where it is true, and what where it is not."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from tabbydoctor.source.engine import Engine
from tabbydoctor.source.guards import ALWAYS, Guard, any_of, both, satisfies
from tabbydoctor.source.memory import trimmed
from tabbydoctor.source.secret_names import is_secret
from tabbydoctor.source.values import (
    FALSE,
    NOTHING,
    TRUE,
    Const,
    Dict,
    Holder,
    List,
    Name,
    Place,
    Scope,
    Span,
    Symbol,
    Text,
    Value,
    Values,
    plain,
)

_MOST_CHOICES = 8
"""Ways in which a test may come out so that are told apart."""


def truth(value: Value) -> bool | None:
    """What `bool()` says of a value; None where that cannot be told."""
    value = plain(value)
    match value:
        case Const():
            return bool(value.value)
        case Symbol():
            return None
        case Text(parts=parts):
            return True if any(isinstance(each, Const) and each.value for each in parts) else None
        case Dict(slots=slots):
            return _filled(slots)
        case List(slots=slots, more=more):
            return None if more and not slots else _filled(slots)
    return True


def _filled(slots: dict[Any, Values]) -> bool | None:
    """Whether a container holds anything; None where it may."""
    entries = [values for key, values in slots.items() if values]
    if not entries:
        return False
    surely = any(
        isinstance(key, str | int) and values and not values[0][0] for key, values in slots.items()
    )
    return True if surely else None


def boolean(run: Engine, name: tuple[str, ...], operator: str, operand: Any, line: int) -> Values:
    """True where something unknown meets an operator, False where not."""
    yes, no = (name, operator, operand, True), (name, operator, operand, False)
    run.seen.judged[yes] = run.seen.judged[no] = line
    return ((frozenset({yes}), TRUE), (frozenset({no}), FALSE))


def as_booleans(run: Engine, node: ast.expr) -> Values:
    """An expression's values, each as True or False under its guard."""
    found: list[tuple[Guard, Value]] = []
    for guard, value in run.evaluate(node):
        said = truth(value)
        if said is not None:
            found.append((guard, TRUE if said else FALSE))
            continue
        name = value.name if isinstance(value, Symbol) and value.root else opaque(run, node)
        for inner, result in boolean(run, name, "true", None, node.lineno):
            if (under := both(guard, inner)) is not None:
                found.append((under, result))
    return trimmed(found)


def negated(values: Values) -> Values:
    """What `not` makes of truths."""
    return tuple((guard, FALSE if value == TRUE else TRUE) for guard, value in values)


def opaque(run: Engine, node: ast.AST) -> tuple[str, ...]:
    """A name for a test that says nothing of anything known: the same for the same words."""
    return ("test", run.code(node), str(id(run.frame.scope)))


def arms(run: Engine, node: ast.expr) -> tuple[Guard | None, Guard | None]:
    """What holds where a test is true, and where it is false; None where that cannot be."""
    yes: list[Guard] = []
    no: list[Guard] = []
    for guard, value in run.possible(as_booleans(run, node)):
        (yes if value == TRUE else no).append(guard)
    return _one(run, node, yes, True), _one(run, node, no, False)


def _one(run: Engine, node: ast.expr, guards: list[Guard], holds: bool) -> Guard | None:
    if not guards:
        return None
    if len(guards) == 1 or ALWAYS in guards:
        return ALWAYS if ALWAYS in guards else guards[0]
    if len(guards) <= _MOST_CHOICES:
        return any_of(guards)
    # What each says to be equal tells most of it.
    equal = {frozenset(each for each in guard if each[1] == "==") for guard in guards}
    if len(equal) <= _MOST_CHOICES:
        return any_of(equal) | {(opaque(run, node), "true", None, holds)}
    shared = guards[0]
    for guard in guards[1:]:
        shared &= guard
    return shared | {(opaque(run, node), "true", None, holds)}


def narrow(run: Engine, node: ast.expr, holds: bool) -> None:
    """On the present path, keep of what a test asks only the values for which it comes out so.

    `if client is None:`, `if not place: raise`: behind it, None is gone.
    """
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            narrow(run, inner, not holds)
        case ast.BoolOp(op=ast.And(), values=parts) if holds:
            for part in parts:
                narrow(run, part, True)
        case ast.BoolOp(op=ast.Or(), values=parts) if not holds:
            for part in parts:
                narrow(run, part, False)
        case ast.Compare(left=left, ops=[op], comparators=[ast.Constant(value=None)]):
            _keep(run, left, wanted=holds == isinstance(op, ast.Is | ast.Eq), nothing=True)
        case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq() as op],
                         comparators=[ast.Constant(value=value)]):  # fmt: skip
            _keep_equal(run, left, value, wanted=holds == isinstance(op, ast.Eq))
        case ast.Name() | ast.Attribute() | ast.NamedExpr():
            _keep(run, node, wanted=holds, nothing=False)


def _keep(run: Engine, node: ast.expr, *, wanted: bool, nothing: bool) -> None:
    if isinstance(node, ast.NamedExpr):
        node = node.target
    _keep_such(
        run, node,
        lambda value: (value == NOTHING if nothing else truth(value)) in (wanted, None),
    )  # fmt: skip


def _keep_equal(run: Engine, node: ast.expr, other: Any, *, wanted: bool) -> None:
    def may_be(value: Value) -> bool:
        value = plain(value)
        return not isinstance(value, Const) or (value == Const(other)) is wanted

    _keep_such(run, node, may_be)


def _keep_such(run: Engine, node: ast.expr, fits: Callable[[Value], bool]) -> None:
    cell = _cell(run, node)
    if cell is not None:
        holder, key, values = cell
        kept = tuple(each for each in values if fits(each[1]))
        if kept and len(kept) != len(values):
            run.memory.write(holder, key, kept)


def _cell(run: Engine, node: ast.expr) -> tuple[Holder, Any, Values] | None:
    """Where the value of a name or of an attribute is kept."""
    if isinstance(node, ast.Name):
        scope: Scope | None = run.frame.scope.globals.get(node.id, run.frame.scope)
        while scope is not None:
            if values := scope.slots.get(node.id):
                return scope, node.id, values
            scope = scope.outer
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        bases = run.evaluate(node.value)
        if len(bases) == 1 and isinstance(bases[0][1], Holder):
            holder = bases[0][1]
            if values := holder.slots.get(node.attr):
                return holder, node.attr, values
    return None


def compared(  # noqa: C901 - one case a kind
    run: Engine, operator: ast.cmpop, left: Value, right: Value, line: int
) -> Values:
    """What one comparison gives."""
    if isinstance(operator, ast.NotEq | ast.IsNot | ast.NotIn):
        swapped = {ast.NotEq: ast.Eq(), ast.IsNot: ast.Is(), ast.NotIn: ast.In()}
        return negated(compared(run, swapped[type(operator)], left, right, line))
    if isinstance(operator, ast.Gt | ast.GtE):  # a > b is not a <= b
        turned = ast.LtE() if isinstance(operator, ast.Gt) else ast.Lt()
        return negated(compared(run, turned, left, right, line))
    left, right = plain(left), plain(right)
    name = {ast.Lt: "<", ast.LtE: "<=", ast.In: "in"}.get(type(operator), "==")
    if name == "in":
        return _within(run, left, right, line)
    if isinstance(right, Symbol) and isinstance(left, Const | Text) and name == "==":
        left, right = right, left
    if isinstance(left, Const) and isinstance(right, Const):
        sure = satisfies(left.value, name, right.value)
        if sure is not None:
            return ((ALWAYS, TRUE if sure else FALSE),)
    if isinstance(left, Const) and isinstance(right, Symbol) and name != "==":
        turned = ast.LtE() if name == "<" else ast.Lt()  # a < b is not b <= a
        return negated(compared(run, turned, right, left, line))
    if isinstance(left, Symbol) and (left.root or left.path):
        if isinstance(right, Const):
            return boolean(run, left.name, name, right.value, line)
        if isinstance(right, Symbol | Text) and name == "==":
            return boolean(run, left.name, "same", right, line)
    if NOTHING in (left, right) and not isinstance(left, Symbol) and name == "==":
        return ((ALWAYS, TRUE if left == right else FALSE),)
    if isinstance(left, Holder) and left is right:
        return ((ALWAYS, TRUE),)
    return ()


def _within(run: Engine, left: Value, right: Value, line: int) -> Values:  # noqa: C901 - one case a kind
    """`left in right`."""
    if right == Name("os.environ") and isinstance(left, Const):
        given = (run.environment or {}).get(str(left.value))
        run.seen.environment.setdefault(str(left.value), Place(run.frame.module.path, line))
        absent = run.environment is not None and not is_secret(str(left.value))
        if given is not None or absent:
            return ((ALWAYS, TRUE if given else FALSE),)
        return boolean(run, (f"environment {left.value!s}",), "true", None, line)
    if isinstance(right, Dict):
        return _keyed(run, left, right, line)
    if isinstance(right, Span):
        if isinstance(left, Symbol) and left.root:
            return boolean(run, left.name, "in", right.span, line)
        return ()
    if isinstance(right, List):
        known = [plain(value) for values in right.items for _, value in values]
        if all(isinstance(each, Const) for each in known) and not right.more:
            operand = tuple(each.value for each in known if isinstance(each, Const))
            if isinstance(left, Const):
                return ((ALWAYS, TRUE if left.value in operand else FALSE),)
            if isinstance(left, Symbol) and left.root:
                return boolean(run, left.name, "in", operand, line)
    if isinstance(left, Const):
        if isinstance(right, Const) and isinstance(right.value, str):
            return ((ALWAYS, TRUE if str(left.value) in right.value else FALSE),)
        if isinstance(right, Symbol) and right.root:
            return boolean(run, right.name, "contains", left.value, line)
    return ()


def _keyed(run: Engine, key: Value, table: Dict, line: int) -> Values:
    """Whether a dictionary has a key."""
    certain = [name for name, values in table.slots.items() if values]
    if isinstance(key, Const):
        if key.value in certain:
            return ((ALWAYS, TRUE),)
        if all(isinstance(name, str | int) for name in certain):
            return ((ALWAYS, FALSE),)
    elif isinstance(key, Symbol) and key.root and all(isinstance(n, str | int) for n in certain):
        return boolean(run, key.name, "in", tuple(certain), line)
    return ()
