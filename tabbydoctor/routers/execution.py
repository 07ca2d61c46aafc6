"""Following the statements of a router's source, along every path at once."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from tabbydoctor.routers import budget
from tabbydoctor.routers.assignment import assign, elements, removed
from tabbydoctor.routers.budget import SIZE, TooLarge, cut, take
from tabbydoctor.routers.evaluation import evaluate, evaluate_all, test
from tabbydoctor.routers.operators import operate
from tabbydoctor.routers.values import (
    SOMETHING,
    Class,
    Const,
    External,
    Function,
    Unknown,
    Value,
    hinted,
)
from tabbydoctor.routers.world import World, merged

if TYPE_CHECKING:
    from tabbydoctor.routers.interpreter import Interpreter

PATHS = 100
"""How many worlds are kept side by side after a statement."""
ROUNDS = 40
"""How many rounds of a loop over known things are followed."""


def execute(run: Interpreter, body: Sequence[ast.stmt], world: World) -> list[World]:
    """Every world in which the statements may end."""
    worlds = [world]
    for statement in body:
        if run.spent:
            break
        going = [each for each in worlds if not each.flow]
        done = [each for each in worlds if each.flow]
        if not going:
            break
        for each in going:
            done += run_statement(run, statement, each)
        worlds = merged(done, PATHS)
    return worlds


def run_statement(run: Interpreter, node: ast.stmt, world: World) -> list[World]:
    """Every world after one statement."""
    if not run.spend():
        return [world]
    follow = _STATEMENTS.get(type(node), _nothing)
    try:
        return list(follow(run, node, world))
    except TooLarge:
        cut(SIZE)
        return [world]


def _nothing(run: Interpreter, node: ast.stmt, world: World) -> Iterable[World]:
    return [world]


def _expression(run: Interpreter, node: ast.Expr, world: World) -> Iterable[World]:
    return [then for _, then in evaluate(run, node.value, world)]


def _assignment(run: Interpreter, node: ast.Assign, world: World) -> Iterable[World]:
    for value, then in evaluate(run, node.value, world):
        worlds = [then]
        for target in node.targets:
            worlds = [after for each in worlds for after in assign(run, target, value, each)]
        yield from worlds


def _annotated(run: Interpreter, node: ast.AnnAssign, world: World) -> Iterable[World]:
    if node.value is None:
        return [world]
    return [
        after
        for value, then in evaluate(run, node.value, world)
        for after in assign(run, node.target, value, then)
    ]


def _augmented(run: Interpreter, node: ast.AugAssign, world: World) -> Iterable[World]:
    target: ast.expr = node.target
    for (old, new), then in evaluate_all(run, [target, node.value], world):
        yield from assign(run, target, operate(node.op, old, new), then)


def _return(run: Interpreter, node: ast.Return, world: World) -> Iterable[World]:
    for value, then in evaluate(run, node.value, world):
        compares = node.value is not None and any(
            isinstance(part, ast.Compare) for part in ast.walk(node.value)
        )
        judged = node.lineno if compares or not then.judged else then.judged
        yield then if then.flow else then.with_(flow="return", result=value, judged=judged)


def _raise(run: Interpreter, node: ast.Raise, world: World) -> Iterable[World]:
    return [then.with_(flow="raise") for _, then in evaluate(run, node.exc, world)]


def _break(run: Interpreter, node: ast.Break, world: World) -> Iterable[World]:
    return [world.with_(flow="break")]


def _continue(run: Interpreter, node: ast.Continue, world: World) -> Iterable[World]:
    return [world.with_(flow="continue")]


def _if(run: Interpreter, node: ast.If, world: World) -> Iterable[World]:
    for holds, then in test(run, node.test, world):
        yield from execute(run, node.body if holds else node.orelse, then)


def _for(run: Interpreter, node: ast.For | ast.AsyncFor, world: World) -> Iterable[World]:
    for source, then in evaluate(run, node.iter, world):
        going, ended = [then], list[World]()
        every = elements(source, node.lineno)
        if len(every) > ROUNDS:
            cut(budget.ROUNDS)
        for element in every[:ROUNDS]:
            after = [
                last
                for each in going
                for bound in assign(run, node.target, element, each)
                for last in execute(run, node.body, bound)
            ]
            ended += [each for each in after if each.flow in ("break", "return", "raise")]
            going = merged([_onward(e) for e in after if e.flow in ("", "continue")], PATHS)
        for each in going:
            yield from execute(run, node.orelse, each)
        yield from (each.with_(flow="") if each.flow == "break" else each for each in ended)


def _onward(world: World) -> World:
    return world.with_(flow="")


def _while(run: Interpreter, node: ast.While, world: World) -> Iterable[World]:
    for holds, then in test(run, node.test, world):
        if not holds:
            yield from execute(run, node.orelse, then)
            continue
        for after in execute(run, node.body, then):
            yield after if after.flow in ("return", "raise") else _onward(after)


def _try(run: Interpreter, node: ast.Try | ast.TryStar, world: World) -> Iterable[World]:
    after = execute(run, node.body, world)
    ended = [each for each in after if each.flow != "raise"]
    raised = [_onward(each) for each in after if each.flow == "raise"]
    ended = [
        last
        for each in ended
        for last in ([each] if each.flow else execute(run, node.orelse, each))
    ]
    failed = [*raised, world.with_(degraded=True)] if node.handlers else []
    for handler in node.handlers:
        for each in failed:
            start = each.named(handler.name, SOMETHING) if handler.name else each
            ended += execute(run, handler.body, start)
    if not node.handlers:
        ended += [each.with_(flow="raise") for each in raised]
    for each in merged(ended, PATHS):
        for last in execute(run, node.finalbody, _onward(each)):
            yield last if last.flow else last.with_(flow=each.flow, result=each.result)


def _with(run: Interpreter, node: ast.With | ast.AsyncWith, world: World) -> Iterable[World]:
    worlds = [world]
    for entry in node.items:
        worlds = [
            after
            for each in worlds
            for value, then in evaluate(run, entry.context_expr, each)
            for after in (
                assign(run, entry.optional_vars, value, then)
                if entry.optional_vars is not None
                else [then]
            )
        ]
    for each in worlds:
        yield from execute(run, node.body, each)


def _function(
    run: Interpreter, node: ast.FunctionDef | ast.AsyncFunctionDef, world: World
) -> Iterable[World]:
    closure = dict(world.names) if world.scope else {}
    take(100 * len(closure))
    function = Function(node, closure, world.scope)
    run.defined(function)
    value: Value = function
    for decorator in node.decorator_list:
        for _ in evaluate(run, decorator, world):
            break
    return [world.named(node.name, value)]


def _class(run: Interpreter, node: ast.ClassDef, world: World) -> Iterable[World]:
    bases: list[Value] = []
    for base in node.bases:
        bases += [value for value, _ in evaluate(run, base, world)][:1]
    attributes: dict[str, Value] = {}
    inner = world
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            method = Function(statement, {}, 0)
            run.defined(method, node)
            attributes[statement.name] = method
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            for after in run_statement(run, statement, inner)[:1]:
                inner = after
    for statement in node.body:
        for name in _assigned(statement):
            if name in inner.names:
                attributes[name] = hinted(inner.names[name], name)
    return [world.named(node.name, Class(node, tuple(bases), tuple(attributes.items())))]


def _assigned(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        return [statement.target.id] if isinstance(statement.target, ast.Name) else []
    if isinstance(statement, ast.Assign):
        return [target.id for target in statement.targets if isinstance(target, ast.Name)]
    return []


def _import(run: Interpreter, node: ast.Import, world: World) -> Iterable[World]:
    for alias in node.names:
        name = alias.name if alias.asname else alias.name.partition(".")[0]
        world = world.named(alias.asname or name, External(name))
    return [world]


def _import_from(run: Interpreter, node: ast.ImportFrom, world: World) -> Iterable[World]:
    known = run.imported(node.module or "") if node.level <= 1 else {}
    for alias in node.names:
        outside = External(f"{node.module or ''}.{alias.name}")
        world = world.named(alias.asname or alias.name, known.get(alias.name, outside))
    return [world]


def _global(run: Interpreter, node: ast.Global, world: World) -> Iterable[World]:
    if not world.scope:
        return [world]
    return [world.with_(declared_global=world.declared_global | set(node.names))]


def _delete(run: Interpreter, node: ast.Delete, world: World) -> Iterable[World]:
    worlds = [world]
    for target in node.targets:
        if isinstance(target, ast.Subscript):
            worlds = [after for each in worlds for after in removed(run, target, each)]
    return worlds


def _match(run: Interpreter, node: ast.Match, world: World) -> Iterable[World]:
    for subject, then in evaluate(run, node.subject, world):
        going = [then]
        for case in node.cases:
            left: list[World] = []
            for each in going:
                for holds, after in _case(case.pattern, subject, each):
                    if holds:
                        yield from execute(run, case.body, after)
                    else:
                        left.append(after)
            going = left
        yield from going


def _case(pattern: ast.pattern, subject: Value, world: World) -> Iterable[tuple[bool, World]]:
    options = pattern.patterns if isinstance(pattern, ast.MatchOr) else [pattern]
    if any(isinstance(option, ast.MatchAs) and option.pattern is None for option in options):
        return [(True, world)]
    operands = tuple(
        option.value.value
        for option in options
        if isinstance(option, ast.MatchValue) and isinstance(option.value, ast.Constant)
    )
    subject = world.known(subject)
    if isinstance(subject, Const):
        return [(subject.value in operands, world)]
    if not isinstance(subject, Unknown):
        return [(True, world), (False, world)]
    found: list[tuple[bool, World]] = []
    for operand in operands:
        if then := world.assume(subject, "==", operand, True):
            found.append((True, then))
    other: World | None = world
    for operand in operands:
        other = other.assume(subject, "==", operand, False) if other else None
    return [*found, (False, other)] if other else found


_STATEMENTS: dict[type[ast.stmt], Callable[..., Iterable[World]]] = {
    ast.Expr: _expression,
    ast.Assign: _assignment,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Break: _break,
    ast.Continue: _continue,
    ast.If: _if,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.Global: _global,
    ast.Nonlocal: _nothing,
    ast.Delete: _delete,
    ast.Match: _match,
}
