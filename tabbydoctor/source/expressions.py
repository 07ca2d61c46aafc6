"""What each kind of expression is worth."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from tabbydoctor.records import replace
from tabbydoctor.source.attributes import attribute, subscript
from tabbydoctor.source.budget import ROUNDS, WIDEST_NUMBER, TooLarge, cut
from tabbydoctor.source.engine import EXPRESSIONS, Engine, EvaluatedCall
from tabbydoctor.source.guards import ALWAYS, Guard, both
from tabbydoctor.source.iteration import MOST_ROUNDS, rounds
from tabbydoctor.source.memory import restricted, trimmed
from tabbydoctor.source.operators import label, operate
from tabbydoctor.source.targets import assign
from tabbydoctor.source.truth import (
    arms,
    as_booleans,
    compared,
    narrow,
    negated,
    truth,
)
from tabbydoctor.source.values import (
    FALSE,
    NOTHING,
    SOMETHING,
    TRUE,
    Const,
    Dict,
    Function,
    List,
    Rest,
    Scope,
    Symbol,
    Value,
    Values,
    first,
    likely,
    likely_text,
    only,
    plain,
    text_of,
)

_MOST_KEYS = 400


def _handles(*kinds: type[ast.expr]) -> Callable[[Any], Any]:
    def register(function: Any) -> Any:
        for kind in kinds:
            EXPRESSIONS[kind] = function
        return function

    return register


@_handles(ast.Constant)
def _constant(run: Engine, node: ast.Constant) -> Values:
    value = node.value
    if value is ... or isinstance(value, complex):
        return only(SOMETHING)
    if isinstance(value, int) and value.bit_length() > WIDEST_NUMBER:
        raise TooLarge
    return ((ALWAYS, Const(value)),)


@_handles(ast.Name)
def _name(run: Engine, node: ast.Name) -> Values:
    return run.lookup(node.id)


@_handles(ast.JoinedStr)
def _joined(run: Engine, node: ast.JoinedStr) -> Values:
    found: Values = only(Const(""))
    for part in node.values:
        inner = part.value if isinstance(part, ast.FormattedValue) else part
        found = run.pairs(found, run.evaluate(inner), lambda one, two: text_of(one, label(two)))
    return found


@_handles(ast.BinOp)
def _binary(run: Engine, node: ast.BinOp) -> Values:
    operator = node.op
    return run.pairs(
        run.evaluate(node.left),
        run.evaluate(node.right),
        lambda one, two: operate(operator, one, two),
    )


@_handles(ast.Await, ast.Starred)
def _passed(run: Engine, node: ast.Await | ast.Starred) -> Values:
    return run.evaluate(node.value)


@_handles(ast.Yield)
def _yield(run: Engine, node: ast.Yield) -> Values:
    values = run.evaluate(node.value)
    run.frame.yields += values
    run.midway.append({
        (id(holder), key): (holder, key, holder.slots[key])
        for holder, key, _ in run.memory.trail
        if not isinstance(holder, Scope | Dict | List) or getattr(holder, "node", 1) is None
        if key in holder.slots
    })  # fmt: skip
    return only(SOMETHING)


@_handles(ast.YieldFrom)
def _yield_from(run: Engine, node: ast.YieldFrom) -> Values:
    for each in rounds(run, run.evaluate(node.value), node):
        run.frame.yields += each
    return only(SOMETHING)


@_handles(ast.BoolOp)
def _bool(run: Engine, node: ast.BoolOp) -> Values:
    """`a or b`: a where it is true, else b; `a and b`: the other way round."""
    wanted = isinstance(node.op, ast.Or)
    found: list[tuple[Guard, Value]] = []
    before = run.path
    rest: Guard | None = ALWAYS
    for number, part in enumerate(node.values):
        values = run.evaluate(part)
        last = number == len(node.values) - 1
        falls: list[Guard] = []
        for guard, value in values:
            under = both(rest, guard) if rest is not None else None
            if under is None:
                continue
            said = None if last else truth(value)
            if last or said is wanted:
                found.append((under, value))
            elif said is None:
                falls += _undecided(run, part, value, under, wanted, found, node)
            else:
                falls.append(under)
        if last or not falls:
            break
        rest = falls[0] if len(falls) == 1 else frozenset.intersection(*falls)
        path = both(before, rest)
        if path is None:
            break
        run.path = path
    run.path = before
    return trimmed(found)


def _undecided(
    run: Engine, part: ast.expr, value: Value, under: Guard, wanted: bool,
    found: list[tuple[Guard, Value]], node: ast.BoolOp,
) -> list[Guard]:  # fmt: skip
    """A part whose truth is not known: taken where it is `wanted`, passed by where it is not.

    A variable that may lack, `getenv(…) or "default"`, is one value with a default.
    """
    following = node.values[-1]
    if (
        wanted
        and isinstance(value, Symbol)
        and value.root.startswith("environment ")
        and len(node.values) == 2
        and isinstance(following, ast.Constant)
        and isinstance(following.value, str)
        and following.value
        and run.environment is None
    ):
        usual = Const(str(following.value), value.marked)
        found.append((under, replace(value, likely=usual, certain=False)))
        return []
    name = value.name if isinstance(value, Symbol) and value.root else ("test", run.code(part))
    taken = both(under, frozenset({(name, "true", None, wanted)}))
    passed = both(under, frozenset({(name, "true", None, not wanted)}))
    if taken is not None:
        found.append((taken, value))
    return [passed] if passed is not None else []


@_handles(ast.UnaryOp)
def _unary(run: Engine, node: ast.UnaryOp) -> Values:
    if isinstance(node.op, ast.Not):
        return negated(as_booleans(run, node.operand))
    value = plain(run.one(node.operand))
    if (
        isinstance(node.op, ast.USub)
        and isinstance(value, Const)
        and isinstance(value.value, int | float)
    ):
        return only(Const(-value.value))
    return only(SOMETHING)


@_handles(ast.Compare)
def _compare(run: Engine, node: ast.Compare) -> Values:
    found: Values = only(TRUE)
    left = run.evaluate(node.left)
    for operator, side in zip(node.ops, node.comparators, strict=True):
        right = run.evaluate(side)
        if isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE):
            _limit(run, side, right)
        said: list[tuple[Guard, Value]] = []
        for guard, one in left:
            for inner, other in right:
                under = both(guard, inner)
                if under is None:
                    continue
                told = compared(run, operator, one, other, node.lineno)
                if not told:
                    return only(SOMETHING)
                said += restricted(told, under)
        found = run.pairs(found, trimmed(said), lambda a, b: TRUE if a == b == TRUE else FALSE)
        left = right
    return found


def _limit(run: Engine, node: ast.expr, values: Values) -> None:
    """Note the number that something is compared with."""
    number = likely(first(values))
    if isinstance(number, int | float) and not isinstance(number, bool):
        run.seen.limits[run.place(node)] = float(number)


@_handles(ast.IfExp)
def _conditional(run: Engine, node: ast.IfExp) -> Values:
    found: list[tuple[Guard, Value]] = []
    before = run.path
    guards = arms(run, node.test)
    for guard, side, holds in zip(guards, (node.body, node.orelse), (True, False), strict=True):
        path = both(before, guard) if guard is not None else None
        if guard is None or path is None:
            continue
        run.path = path
        mark = len(run.memory.trail)
        narrow(run, node.test, holds)
        narrowed = len(run.memory.trail) > mark
        values = run.evaluate(side)
        if narrowed:
            run.memory.undo(mark)
        found += restricted(values, guard)
    run.path = before
    return trimmed(found)


@_handles(ast.Dict)
def _dict(run: Engine, node: ast.Dict) -> Values:
    made = Dict()
    for number, (key, value) in enumerate(zip(node.keys, node.values, strict=True)):
        if number >= _MOST_KEYS:
            cut(ROUNDS)
            break
        values = run.evaluate(value)
        if key is None:
            spread(run, made, values)
        else:
            for guard, name in run.evaluate(key):
                made.slots[_slot(name)] = restricted(values, guard)
    return only(made)


def _slot(name: Value) -> Any:
    """The key of a dictionary's slots that a value is."""
    name = plain(name)
    if isinstance(name, Const):
        return name.value
    text = likely_text(name)
    return name if text is None or isinstance(name, Symbol) else text


def spread(run: Engine, table: Dict, values: Values) -> None:
    """Lay other dictionaries over one."""
    for guard, other in values:
        if isinstance(other, Dict):
            for key, inner in list(other.slots.items()):
                under = restricted(inner, guard)
                if guard and isinstance(key, str):
                    under = trimmed((*under, *table.slots.get(key, ())))
                name = Rest(len(table.slots)) if isinstance(key, Rest) else key
                run.memory.write(table, name, under)
        elif isinstance(other, List):
            _pairs_of(run, table, other)
        elif other != NOTHING and other not in (Const(""), Const(False)):
            known = other if isinstance(other, Symbol) else Symbol("")
            run.memory.write(table, Rest(len(table.slots)), ((guard, known),))


def _pairs_of(run: Engine, table: Dict, pairs: List) -> None:
    """Entries from a list of pairs."""
    for values in pairs.items:
        for guard, pair in values:
            if isinstance(pair, List) and len(pair.items) == 2:
                for key_guard, key in pair.items[0]:
                    under = both(guard, key_guard)
                    if under is not None:
                        run.memory.write(table, _slot(key), restricted(pair.items[1], under))


@_handles(ast.List, ast.Tuple, ast.Set)
def _list(run: Engine, node: ast.List | ast.Tuple | ast.Set) -> Values:
    made = List()
    for element_ in node.elts[:_MOST_KEYS]:
        values = run.evaluate(element_)
        if isinstance(element_, ast.Starred):
            value = first(values)
            if isinstance(value, List):
                for each in value.items[:_MOST_KEYS]:
                    made.slots[len(made.slots)] = each
                if len(value.items) > _MOST_KEYS:
                    cut(ROUNDS)
                made.more |= value.more
            else:
                made.more = True
        else:
            made.slots[len(made.slots)] = values
        if len(made.slots) > _MOST_KEYS * 4:
            cut(ROUNDS)
            break
    return only(made)


@_handles(ast.Lambda)
def _lambda(run: Engine, node: ast.Lambda) -> Values:
    return only(Function(node, run.frame.scope, run.frame.module))


@_handles(ast.NamedExpr)
def _named(run: Engine, node: ast.NamedExpr) -> Values:
    values = run.evaluate(node.value)
    assign(run, node.target, values)
    return values


@_handles(ast.Attribute)
def _attribute(run: Engine, node: ast.Attribute) -> Values:
    return run.each(run.evaluate(node.value), lambda base: attribute(run, base, node.attr, node))


@_handles(ast.Subscript)
def _subscript(run: Engine, node: ast.Subscript) -> Values:
    if isinstance(node.slice, ast.Slice):
        return run.each(run.evaluate(node.value), lambda base: _sliced(run, node, base))
    keys = run.evaluate(node.slice)
    return run.each(
        run.evaluate(node.value),
        lambda base: run.each(keys, lambda key: subscript(run, base, key, node)),
    )


def _sliced(run: Engine, node: ast.Subscript, base: Value) -> Values:
    """`text[7:]`, `items[1:]`."""
    part = node.slice
    if not isinstance(part, ast.Slice):
        return only(base)
    bounds = [plain(run.one(each)) if each else NOTHING for each in (part.lower, part.upper)]
    numbers = [each.value if isinstance(each, Const) else 0 for each in bounds]
    low, high = (each if isinstance(each, int) else None for each in numbers)
    value = plain(base)
    if isinstance(value, Const) and isinstance(value.value, str | bytes):
        return only(Const(value.value[low:high]))
    if isinstance(value, List):
        return only(List(value.items[low:high], value.more))
    return only(value)


@_handles(ast.Call)
def _call(run: Engine, node: ast.Call) -> Values:
    if not run.spend():
        return only(SOMETHING)
    receiver = node.func.value if isinstance(node.func, ast.Attribute) else None
    called = run.evaluate(node.func)
    arguments: list[Values] = []
    for given in node.args:
        values = run.evaluate(given)
        if isinstance(given, ast.Starred):
            spread_ = first(values)
            arguments += spread_.items[:_MOST_KEYS] if isinstance(spread_, List) else []
        else:
            arguments.append(values)
    keywords: dict[str, Values] = {}
    for keyword in node.keywords:
        values = run.evaluate(keyword.value)
        if keyword.arg is not None:
            keywords[keyword.arg] = values
            continue
        laid = Dict()
        spread(run, laid, values)
        for key, inner in laid.slots.items():
            if isinstance(key, str) and inner:
                keywords[key] = inner
            elif isinstance(key, Rest) and inner:
                keywords.setdefault("**", inner)
    run.called_at.add(node)
    call = EvaluatedCall(run, node, arguments, keywords, receiver)
    return run.each(called, lambda function: run.called(function, call))


def _comprehended(
    run: Engine, generators: list[ast.comprehension], give: Callable[[Guard], None]
) -> None:
    """Run a comprehension's loops in a scope of their own."""
    frame = run.frame
    outer, frame.scope = frame.scope, Scope(frame.scope)
    before = run.path

    def go(number: int, guard: Guard) -> None:
        if number == len(generators):
            if run.spend():
                give(guard)
            return
        loop = generators[number]
        for each in rounds(run, run.evaluate(loop.iter), loop.iter):
            assign(run, loop.target, each)
            under: Guard | None = guard
            for test in loop.ifs:
                holds, _ = arms(run, test)
                under = both(under, holds) if under is not None and holds is not None else None
                if under is not None and holds is not None:
                    narrow(run, test, True)
            path = both(before, under) if under is not None else None
            if path is not None and under is not None:
                run.path = path
                go(number + 1, under)
                run.path = before

    try:
        go(0, ALWAYS)
    finally:
        run.path = before
        frame.scope = outer


@_handles(ast.ListComp, ast.SetComp, ast.GeneratorExp)
def _list_comprehension(run: Engine, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Values:
    made = List()

    def give(guard: Guard) -> None:
        if len(made.slots) < MOST_ROUNDS * 4:
            made.slots[len(made.slots)] = restricted(run.evaluate(node.elt), guard)
        else:
            cut(ROUNDS)

    _comprehended(run, node.generators, give)
    return only(made)


@_handles(ast.DictComp)
def _dict_comprehension(run: Engine, node: ast.DictComp) -> Values:
    made = Dict()

    def give(guard: Guard) -> None:
        values = restricted(run.evaluate(node.value), guard)
        for inner, key in run.evaluate(node.key):
            name = _slot(key)
            made.slots[name] = trimmed((*made.slots.get(name, ()), *restricted(values, inner)))

    _comprehended(run, node.generators, give)
    return only(made)
