"""Working out what the expressions of a router's source may be worth."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tabbydoctor.routers import conditions
from tabbydoctor.routers.budget import SIZE, TooLarge, cut, take
from tabbydoctor.routers.lookup import attribute, item
from tabbydoctor.routers.operators import label, operate
from tabbydoctor.routers.ranking import constant, plain, ranked
from tabbydoctor.routers.values import (
    NOTHING,
    SOMETHING,
    Const,
    External,
    Function,
    Items,
    Place,
    Table,
    Unknown,
    Value,
    hinted,
    text_of,
)
from tabbydoctor.routers.world import Outcome, World

if TYPE_CHECKING:
    from tabbydoctor.routers.interpreter import Interpreter


_NAME = 100
"""Bytes that a name takes in a closure."""


def evaluate(run: Interpreter, node: ast.expr | None, world: World) -> Iterator[Outcome]:
    """Every value an expression may have, each with the world in which it has it."""
    if node is None:
        yield NOTHING, world
    elif not run.spend():
        yield SOMETHING, world
    else:
        follow = FORMS.get(type(node), _anything)
        try:
            yield from follow(run, node, world)
        except TooLarge:
            cut(SIZE)
            yield SOMETHING, world


def evaluate_all(
    run: Interpreter, nodes: Sequence[ast.expr | None], world: World
) -> Iterator[tuple[list[Value], World]]:
    """Every combination of values of several expressions."""
    if not nodes:
        yield [], world
        return
    for first, then in evaluate(run, nodes[0], world):
        for rest, last in evaluate_all(run, nodes[1:], then):
            yield [first, *rest], last


def _anything(run: Interpreter, node: ast.expr, world: World) -> Iterator[Outcome]:
    """An expression of a form that is not followed: its parts may still send requests."""
    parts = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    for _, then in evaluate_all(run, parts, world):
        yield Unknown(f"line {node.lineno}:{node.col_offset}"), then


def _constant(run: Interpreter, node: ast.Constant, world: World) -> Iterator[Outcome]:
    value = node.value
    if isinstance(value, str | int | float | bool | bytes | None):
        yield Const(value), world
    else:
        yield SOMETHING, world


def _name(run: Interpreter, node: ast.Name, world: World) -> Iterator[Outcome]:
    if node.id in world.names and node.id not in world.declared_global:
        yield world.known(world.names[node.id]), world
    elif node.id in world.globals:
        yield world.known(world.globals[node.id]), world
    elif node.id in run.globals:
        values = [value for value in run.globals[node.id] if value != NOTHING] or [NOTHING]
        for value in ranked(values):
            # A constant of the module is the same on every path: no need to remember it.
            then = (
                world
                if len(values) == 1
                else world.with_(globals={**world.globals, node.id: value})
            )
            yield then.known(value), then
    else:
        yield External(f"builtins.{node.id}"), world


def _attribute(run: Interpreter, node: ast.Attribute, world: World) -> Iterator[Outcome]:
    for base, then in evaluate(run, node.value, world):
        yield from attribute(run, base, node.attr, node, then)


def _subscript(run: Interpreter, node: ast.Subscript, world: World) -> Iterator[Outcome]:
    for (base, key), then in evaluate_all(run, [node.value, node.slice], world):
        yield from item(run, base, key, node.lineno, then)


def _joined_text(run: Interpreter, node: ast.JoinedStr, world: World) -> Iterator[Outcome]:
    for values, then in evaluate_all(run, node.values, world):
        yield text_of(*(label(value) for value in values)), then


def _formatted(run: Interpreter, node: ast.FormattedValue, world: World) -> Iterator[Outcome]:
    yield from evaluate(run, node.value, world)


def _binary(run: Interpreter, node: ast.BinOp, world: World) -> Iterator[Outcome]:
    for (left, right), then in evaluate_all(run, [node.left, node.right], world):
        yield operate(node.op, left, right), then


def _either(run: Interpreter, node: ast.BoolOp, world: World) -> Iterator[Outcome]:
    yield from _operands(run, node.values, isinstance(node.op, ast.Or), world)


def _operands(
    run: Interpreter, nodes: Sequence[ast.expr], is_or: bool, world: World
) -> Iterator[Outcome]:
    for value, then in evaluate(run, nodes[0], world):
        if len(nodes) == 1:
            yield value, then
            continue
        if is_or and isinstance(value, Unknown) and isinstance(nodes[1], ast.Constant):
            # `os.getenv(…) or "default"`: the default is what it most likely is.
            likely = Const(nodes[1].value)  # type: ignore[arg-type]
            yield (
                (value if value.likely and value.likely.value else replace(value, likely=likely)),
                then,
            )
            continue
        for holds, after in conditions.decide(value, then):
            if holds == is_or:
                yield after.known(value) if not isinstance(value, Unknown) else value, after
            else:
                yield from _operands(run, nodes[1:], is_or, after)


def _choice(run: Interpreter, node: ast.IfExp, world: World) -> Iterator[Outcome]:
    for holds, then in test(run, node.test, world):
        yield from evaluate(run, node.body if holds else node.orelse, then)


def _comparison(run: Interpreter, node: ast.Compare, world: World) -> Iterator[Outcome]:
    for values, then in evaluate_all(run, [node.left, *node.comparators], world):
        values = [plain(value) for value in values]
        if values[1:] == [External("os.environ")] and run.lacks(str(constant(values[0]))):
            yield Const(isinstance(node.ops[0], ast.NotIn)), then
        else:
            yield from conditions.compared(node.ops, values, node, then)


def _unary(run: Interpreter, node: ast.UnaryOp, world: World) -> Iterator[Outcome]:
    for value, then in evaluate(run, node.operand, world):
        if isinstance(node.op, ast.Not):
            for holds, after in conditions.decide(value, then):
                yield Const(not holds), after
        elif (
            isinstance(node.op, ast.USub)
            and isinstance(value, Const)
            and isinstance(value.value, int | float)
        ):
            yield Const(-value.value), then
        else:
            yield SOMETHING, then


def test(run: Interpreter, node: ast.expr, world: World) -> Iterator[tuple[bool, World]]:
    """Both ways a condition may go, as far as they are possible."""
    for value, then in evaluate(run, node, world):
        yield from conditions.decide(value, then)


def _table(run: Interpreter, node: ast.Dict, world: World) -> Iterator[Outcome]:
    for values, then in evaluate_all(run, [*node.keys, *node.values], world):
        result = Table()
        for key, key_node, value in zip(values, node.keys, values[len(node.keys) :], strict=False):
            if key_node is None:
                result = result.merged(plain(value))
            else:
                result = result.put(plain(key), hinted(value, constant(key)))
        yield result, then


def _items(run: Interpreter, node: Any, world: World) -> Iterator[Outcome]:
    for values, then in evaluate_all(run, node.elts, world):
        flat: list[Value] = []
        for value, element in zip(values, node.elts, strict=True):
            spread = isinstance(element, ast.Starred)
            flat += value.items if spread and isinstance(value, Items) else [value]
        yield Items(tuple(flat)), then


def _inner(run: Interpreter, node: Any, world: World) -> Iterator[Outcome]:
    yield from evaluate(run, node.value, world)


def _yield(run: Interpreter, node: Any, world: World) -> Iterator[Outcome]:
    for value, then in evaluate(run, node.value, world):
        first = then if then.yielded else then.with_(yielded=True, result=value)
        yield SOMETHING, first


def _walrus(run: Interpreter, node: ast.NamedExpr, world: World) -> Iterator[Outcome]:
    for value, then in evaluate(run, node.value, world):
        yield value, then.named(node.target.id, hinted(value, node.target.id))


def _lambda(run: Interpreter, node: ast.Lambda, world: World) -> Iterator[Outcome]:
    take(_NAME * len(world.names))
    yield Function(node, dict(world.names), world.scope), world


def _call(run: Interpreter, node: ast.Call, world: World) -> Iterator[Outcome]:
    yield from run.call(node, world)


def place_of(node: ast.expr | ast.stmt) -> Place:
    """Where a node starts (columns are turned into characters by the interpreter)."""
    return Place(node.lineno, node.col_offset)


FORMS: dict[type[ast.expr], Callable[..., Iterator[Outcome]]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.JoinedStr: _joined_text,
    ast.FormattedValue: _formatted,
    ast.BinOp: _binary,
    ast.BoolOp: _either,
    ast.IfExp: _choice,
    ast.Compare: _comparison,
    ast.UnaryOp: _unary,
    ast.Dict: _table,
    ast.List: _items,
    ast.Tuple: _items,
    ast.Set: _items,
    ast.Await: _inner,
    ast.Starred: _inner,
    ast.YieldFrom: _yield,
    ast.Yield: _yield,
    ast.NamedExpr: _walrus,
    ast.Lambda: _lambda,
    ast.Call: _call,
}
