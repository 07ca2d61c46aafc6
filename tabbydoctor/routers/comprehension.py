"""What comprehensions and generator expressions are worth, element by element."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tabbydoctor.routers.assignment import assign, elements
from tabbydoctor.routers.budget import ROUNDS, cut
from tabbydoctor.routers.evaluation import evaluate, evaluate_all, test
from tabbydoctor.routers.ranking import MANY, plain
from tabbydoctor.routers.values import (
    Const,
    Items,
    Table,
    Unknown,
    Value,
)
from tabbydoctor.routers.world import Outcome, World

if TYPE_CHECKING:
    from tabbydoctor.routers.interpreter import Interpreter


def _listing(run: Interpreter, node: Any, world: World) -> Iterator[Outcome]:
    for worlds, outcomes in _comprehended(run, node, [node.elt], world):
        yield Items(tuple(values[0] for values in outcomes), more=not outcomes), worlds


def _mapping(run: Interpreter, node: ast.DictComp, world: World) -> Iterator[Outcome]:
    drops = {
        part.value.lower()
        for generator in node.generators
        for condition in generator.ifs
        for part in ast.walk(condition)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }
    for then, outcomes in _comprehended(run, node, [node.key, node.value], world):
        result = Table()
        for key, value in outcomes:
            if isinstance(key, Const):
                result = result.put(key, value)
            elif isinstance(key := plain(key), Unknown):
                stripped = " without authorization" if "authorization" in drops else ""
                result = Table(result.items, Unknown(key.root + stripped, key.path))
        yield result, then


def _comprehended(
    run: Interpreter, node: Any, elements: list[ast.expr], world: World
) -> Iterator[tuple[World, list[list[Value]]]]:
    """Every element of a comprehension, in one world after the others."""
    collected: list[list[Value]] = []
    after = world
    for inner in _bound(run, node.generators, world):
        for values, then in evaluate_all(run, elements, inner):
            if len(collected) == 4 * MANY:
                cut(ROUNDS)
                break
            collected.append(values)
            after = after.with_(globals=then.globals)
    yield after, collected


def _bound(
    run: Interpreter, generators: Sequence[ast.comprehension], world: World
) -> Iterator[World]:
    if not generators:
        yield world
        return
    first = generators[0]
    for source, then in evaluate(run, first.iter, world):
        for element in elements(source, first.iter.lineno):
            for inner in assign(run, first.target, element, then):
                for kept in _meeting(run, first.ifs, inner):
                    yield from _bound(run, generators[1:], kept)


def _meeting(run: Interpreter, tests: Sequence[ast.expr], world: World) -> Iterator[World]:
    if not tests:
        yield world
        return
    for holds, then in test(run, tests[0], world):
        if holds:
            yield from _meeting(run, tests[1:], then)


FORMS: dict[type[ast.expr], Callable[..., Iterator[Outcome]]] = {
    ast.ListComp: _listing,
    ast.SetComp: _listing,
    ast.GeneratorExp: _listing,
    ast.DictComp: _mapping,
}
