"""Calls: functions of the program are followed at each call, classes are made objects of."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from tabbydoctor.records import dataclass, replace
from tabbydoctor.source import clients
from tabbydoctor.source.attributes import ANNOTATED, decorators, of_object
from tabbydoctor.source.budget import DEPTH, MOST_SENT, REQUESTS, cut
from tabbydoctor.source.engine import DEEPEST, UNASKED, Engine, EvaluatedCall, Frame
from tabbydoctor.source.guards import ALWAYS, Guard, both, common, without
from tabbydoctor.source.libraries import FUNCTIONS
from tabbydoctor.source.memory import FoundCells, trimmed
from tabbydoctor.source.methods import method, of_unknown
from tabbydoctor.source.seen import Sent
from tabbydoctor.source.settings import is_settings, settings_of
from tabbydoctor.source.values import (
    MANY,
    NONE,
    NOTHING,
    SOMETHING,
    Class,
    Client,
    Const,
    Dict,
    Function,
    Holder,
    Known,
    List,
    Method,
    Name,
    Object,
    Partial,
    Rest,
    Scope,
    Symbol,
    Value,
    Values,
    Yielded,
    first,
    only,
)

_VALIDATING = ("model_validate", "parse_obj", "model_construct", "from_dict", "validate")
_SHORT = 600
"""Steps of a call that sends nothing."""
_SOMETIMES, _OFTEN = 4, 12
"""How often a function is followed anew for what may have changed, and for what it is given."""


def called(value: Value, call: EvaluatedCall) -> Values:  # noqa: C901 - one case a kind
    """What calling a value gives."""
    run = call.run
    match value:
        case Function():
            return _function(value, call)
        case Class():
            return only(instance(value, call))
        case Name(name=name):
            return _library(name, call)
        case Method(base=Class() as klass, name=name) if name in _VALIDATING:
            return validated(klass, call)
        case Method(base=base, name=name):
            return method(base, name, call)
        case Partial(function=inner, arguments=given, keywords=named):
            keywords = {**dict(named), **call.keywords}
            return called(inner, call.giving(*given, *call.arguments, **keywords))
        case Known(meaning=meaning):
            result: Values = meaning(call)
            return result
        case Object():
            return run.each(of_object(run, value, "__call__", call.node), lambda inner: (
                called(inner, call) if isinstance(inner, Function) else call.result()
            ))  # fmt: skip
        case Symbol():
            return of_unknown(value, call)
        case Const(value=None):
            return ()
    return call.result()


def _library(name: str, call: EvaluatedCall) -> Values:
    effect = FUNCTIONS.get(name)
    if effect is not None:
        return effect(call)
    sent = clients.by_name(name, call)
    if sent is not None:
        return sent
    run_callbacks(call)
    if not clients.keeps(name):
        clients.hand(call)
    return call.result()


def run_callbacks(call: EvaluatedCall) -> None:
    """Functions that are handed to something that is not followed are called by it; a class with
    arguments beside it (a middleware) is made an object of.
    """
    given = call.value(0)
    if isinstance(given, Class) and call.keywords:
        unknown = only(Symbol("application"))
        instance(given, call.giving(unknown, *call.arguments[1:], **call.keywords))
    for values in call.everything():
        for _, value in values:
            if isinstance(value, Function) and value.node not in call.run.stack:
                _function(value, call.giving(**UNASKED))


@dataclass(slots=True)
class Followed:
    """What one call of a function did, to be done again where it is called in the same way."""

    gives: Values
    found: FoundCells
    """What it found in names and objects that were there before."""
    sent: list[Sent]
    wrote: list[tuple[Holder, object, Values]]
    """Of what outlives the call."""
    depth: int
    gained: Guard
    """What holds behind the call."""


def _function(function: Function, call: EvaluatedCall) -> Values:
    """Follow a function, once for what it is given and for what it finds.

    The more often it was followed, the less must differ for it to be followed again.
    """
    run, node = call.run, function.node
    if run.stack.count(node) > 1 or not run.spend():
        return call.result()
    if len(run.frames) >= DEEPEST:
        cut(DEPTH)
        return call.result()
    times = run.times.get(node, 0)
    who = (node, function.me, id(function.scope) if times < _OFTEN else 0)
    given = _given_with(call) if times < _OFTEN else None
    known = run.done.setdefault((who, given), [])
    done = next((each for each in reversed(known) if run.memory.holds(each.found)), None)
    if done is None and known and times >= _SOMETIMES:
        done = known[-1]
    if done is None:
        run.times[node] = times + 1
        done = _once(function, call)
        known.append(done)
        if times < _OFTEN:
            run.done[((node, function.me, 0), None)] = known
    return _again(run, done, alike=given is not None)


def _once(function: Function, call: EvaluatedCall) -> Followed:
    """Follow it whatever holds where it is called; what can send nothing only for so long."""
    run = call.run
    name = getattr(function.node, "name", "")
    short = name not in run.reaching and not isinstance(function.node, ast.Lambda)
    before, sent, trail = run.path, len(run.seen.sent), len(run.memory.trail)
    serial = Holder().serial
    run.path = ALWAYS
    if short:
        gives, found = _shortly(function, call)
    else:
        gives, found = _followed(function, call)
    gained, run.path = run.path, before
    wrote = [
        (holder, key, holder.slots[key])
        for holder, key, _ in run.memory.trail[trail:]
        if holder.serial < serial and key in holder.slots
    ]
    done = Followed(gives, found, run.seen.sent[sent:], wrote, len(run.stack), gained)
    del run.seen.sent[sent:]
    return done


def _shortly(function: Function, call: EvaluatedCall) -> tuple[Values, FoundCells]:
    """Follow what can but give a value for a while, else it is not known."""
    run = call.run
    outer, run.steps = run.steps, min(run.steps, _SHORT)
    given, was, run.short = run.steps, run.short, True
    gives, found = _followed(function, call)
    ended = run.steps < 0
    run.steps, run.short = outer - (given - max(run.steps, 0)), was
    return only(MANY) if ended else gives, found


def _again(run: Engine, done: Followed, *, alike: bool) -> Values:
    """What was followed, as it is on the present path. `alike`: given the same; else what is sent
    may go anywhere.
    """
    for each in done.sent:
        guard = both(each.guard, run.path)
        if guard is None:
            continue
        if len(run.seen.sent) >= MOST_SENT:
            cut(REQUESTS)
            break
        stack = (*run.stack, *each.stack[done.depth :])
        run.seen.sent.append(replace(each, guard=guard, stack=stack, supposed=run.supposing))
        if not alike:
            many = only(MANY)
            run.seen.sent.append(replace(run.seen.sent[-1], url=many, headers=many, added=()))
    for holder, key, values in done.wrote:
        if holder.slots.get(key) != values:
            run.memory.write(holder, key, values)
    run.memory.find(done.found)
    run.path = both(run.path, done.gained) or run.path
    return done.gives


def _given_with(call: EvaluatedCall) -> object:
    """What a call is given, as a key: lists and dictionaries by what they hold now."""
    named = tuple((name, _as_key(values, 2)) for name, values in call.keywords.items())
    return tuple(_as_key(values, 2) for values in call.arguments), named


def _as_key(values: Values, depth: int) -> object:
    return tuple((guard, _one_as_key(value, depth)) for guard, value in values)


def _one_as_key(value: Value, depth: int) -> object:
    if depth and isinstance(value, Dict | List):
        return type(value), tuple(
            (key, _as_key(inner, depth - 1)) for key, inner in value.slots.items()
        )
    return value


def _followed(function: Function, call: EvaluatedCall) -> tuple[Values, FoundCells]:
    """What it gives, and what it found in names and objects that were there before."""
    run, node = call.run, function.node
    scope = Scope(function.scope, node)
    outer = run.memory.enter(scope.serial)
    if function.klass is not None:
        scope.receiver = (function.me or SOMETHING, function.klass)
    _bind_parameters(function, call, scope)
    frame = Frame(scope, function.module, node, run.path)
    before, stack = run.path, run.stack
    run.entered.add(node)
    run.frames.append(frame)
    run.stack = (*stack, node)
    try:
        if isinstance(node, ast.Lambda):
            run.leave(run.evaluate(node.body))
        elif not run.execute(node.body):
            run.leave(NONE)
    finally:
        run.frames.pop()
        run.stack = stack
        found = run.memory.leave(outer)
    run.path = before
    if frame.exits:
        run.path = both(before, without(common(frame.exits), before)) or before
    return _given(function, frame, trimmed(frame.returns), call), found


def _given(function: Function, frame: Frame, returned: Values, call: EvaluatedCall) -> Values:
    """What a call gives: what is returned, or what a generator yields."""
    if frame.yields:
        values = trimmed(frame.yields)
        if decorators(function.node) & {"fixture"}:
            return values
        return only(Yielded(values))
    return returned or (only(Symbol("nothing returned")) if not frame.exits else NONE)


def _bind_parameters(function: Function, call: EvaluatedCall, scope: Scope) -> None:  # noqa: C901 - one case a kind
    run, given = call.run, function.node.args
    name = getattr(function.node, "name", "lambda")
    positional = [*given.posonlyargs, *given.args]
    arguments = list(call.arguments)
    takes_self = function.klass is not None and not isinstance(function.node, ast.Lambda)
    if takes_self and "staticmethod" not in decorators(function.node):
        if function.me is not None:
            arguments.insert(0, only(function.me))
        elif not arguments and positional:
            arguments.insert(0, only(Symbol(f"argument {name}.{positional[0].arg}")))
    defaults = dict(zip(reversed(positional), reversed(given.defaults), strict=False))
    defaults |= {
        arg: value
        for arg, value in zip(given.kwonlyargs, given.kw_defaults, strict=True)
        if value is not None
    }
    spare = dict(call.keywords)
    unknown_rest = spare.pop("**", None)
    spare.pop(clients.WRAPPED, None)
    for number, parameter in enumerate([*positional, *given.kwonlyargs]):
        values: Values | None = None
        if number < len(arguments) and number < len(positional):
            values = arguments[number]
        elif parameter.arg in spare:
            values = spare.pop(parameter.arg)
        elif unknown_rest and isinstance(unknown_rest[0][1], Symbol):
            values = only(unknown_rest[0][1].part(parameter.arg))
        else:
            values = _default(function, parameter, defaults.get(parameter), call, name)
        scope.slots[parameter.arg] = run.under(parameter.arg, values)
    if given.vararg:
        scope.slots[given.vararg.arg] = only(List(arguments[len(positional) :]))
    if given.kwarg:
        rest: dict[Any, Values] = dict(spare)
        if unknown_rest:
            rest[Rest(0)] = unknown_rest
        elif call.keywords.get("*unknown"):
            rest[Rest(0)] = only(Symbol(f"argument {name}.{given.kwarg.arg}"))
        scope.slots[given.kwarg.arg] = only(Dict(rest))


def _default(
    function: Function, parameter: ast.arg, default: ast.expr | None, call: EvaluatedCall, name: str
) -> Values:
    """A parameter that is not given: its default, what it depends on, else not known."""
    run = call.run
    own = only(Symbol(f"argument {name}.{parameter.arg}", (), None, False,
                       run.marks(parameter.arg)))  # fmt: skip
    frame = Frame(function.scope, function.module, function.node, run.path)
    run.frames.append(frame)
    try:
        if default is not None:
            values = run.evaluate(default)
            unasked = call.keywords.get("*unknown") is not None
            if isinstance(default, ast.Call) or not unasked:
                return values
            usual = first(values)
            if isinstance(usual, Const) and usual != NOTHING:
                return tuple((g, replace(v, likely=usual)) for g, v in own)  # type: ignore[type-var]
            return (*own, *values)
        for node in _dependencies(parameter.annotation):
            values = run.evaluate(node)
            if values and not isinstance(values[0][1], Symbol):
                return values
        if isinstance(parameter.annotation, ast.Name):
            for _, named in run.lookup(parameter.annotation.id):
                if isinstance(named, Known) and named.name == ANNOTATED:
                    given: Values = named.meaning
                    return given
        typed = _typed(run, parameter.annotation)
        return typed or own
    finally:
        run.frames.pop()


def _dependencies(annotation: ast.expr | None) -> Iterator[ast.expr]:
    """`Annotated[Client, Depends(get_client)]`."""
    if isinstance(annotation, ast.Subscript):
        for node in ast.walk(annotation.slice):
            if isinstance(node, ast.Call):
                yield node


def _typed(run: Engine, annotation: ast.expr | None) -> Values | None:
    """Objects that the program made of the class that a parameter is annotated with."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        if not annotation.value.isidentifier():
            return None
        found = run.lookup(annotation.value)
    elif isinstance(annotation, ast.Name):
        found = run.lookup(annotation.id)
    else:
        return None
    objects = [one for _, value in found if isinstance(value, Class) for one in made_of(run, value)]
    return tuple((ALWAYS, one) for one in objects[:4]) or None


def made_of(run: Engine, klass: Class) -> list[Value]:
    """The objects made of a class or of what derives from it, the last ones first."""
    run.memory.look_through(run.objects)
    return [
        one
        for objects in reversed(run.objects.slots.values())
        for _, one in reversed(objects)
        if isinstance(one, Object | Client) and one.of and klass in one.of.line()
    ]


def instance(klass: Class, call: EvaluatedCall) -> Value:
    """An object: one that was made here of the same, and was not changed since, serves again."""
    run = call.run
    key = (id(klass), call.place, _given_with(call))
    kept = run.made.get(key)
    if kept is not None and kept[0].slots == kept[1]:
        return kept[0]
    made = _new(klass, call)
    if isinstance(made, Object):
        run.made[key] = (made, dict(made.slots))
    return made


def _new(klass: Class, call: EvaluatedCall) -> Value:  # noqa: C901 - one case a kind
    run = call.run
    names = [each.name for each in klass.line() if isinstance(each, Name)]
    if any(name.rpartition(".")[2] in ("Enum", "StrEnum", "IntEnum") for name in names):
        return call.value(0)
    client = next((name for name in names if name in clients.CONSTRUCTORS), None)
    made: Holder = Object(klass)
    if client is not None:
        bare = call.giving() if _has(klass, "__init__") else call
        made = clients.construct(client, bare)
        made.of = klass
    kept = run.objects.slots.get(id(klass), ())
    if len(kept) < 64:
        run.objects.slots[id(klass)] = (*kept, *only(made))
    if is_settings(klass) and isinstance(made, Object):
        for name, values in settings_of(run, klass, call).items():
            made.slots[name] = values
    for each in klass.line():
        if isinstance(each, Class) and "__init__" in each.slots:
            for _, function in each.slots["__init__"]:
                if isinstance(function, Function):
                    _function(function.bound(made, each), call)
            break
    else:
        if is_settings(klass) or not isinstance(made, Object):
            return made
        _fields(run, klass, made, call)
        for name in ("__post_init__", "model_post_init"):
            for _, function in of_object(run, made, name, call.node):
                if isinstance(function, Function):
                    _function(function, call.giving())
    return made


def _has(klass: Class, name: str) -> bool:
    return any(isinstance(each, Class) and name in each.slots for each in klass.line())


def _fields(run: Engine, klass: Class, made: Object, call: EvaluatedCall) -> None:
    """A dataclass, a pydantic model, a named tuple: fields from arguments and defaults."""
    line = [each for each in klass.line() if isinstance(each, Class)][::-1]
    number = 0
    spare = dict(call.keywords)
    rest = spare.get("**")
    for each in line:
        for part in each.node.body:
            if not (isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)):
                continue
            name = part.target.id
            if name in spare:
                values = spare[name]
            elif number < len(call.arguments):
                values = call.arguments[number]
            elif rest and isinstance(rest[0][1], Symbol):
                values = only(rest[0][1].part(name))
            elif each.slots.get(name):
                values = each.slots[name]
            else:
                values = only(Symbol(f"field {klass.node.name}", (name,)))
            number += 1
            made.slots[name] = _modelled(run, part.annotation, run.under(name, values), call)


def _modelled(run: Engine, annotation: ast.expr, values: Values, call: EvaluatedCall) -> Values:
    """Dictionaries given to a field of a pydantic model become objects of its model."""
    if not isinstance(first(values), Dict | List):
        return values
    text = annotation
    if isinstance(text, ast.Constant) and isinstance(text.value, str):
        return values
    klass = next(
        (
            found
            for node in ast.walk(text)
            if isinstance(node, ast.Name)
            for _, found in run.lookup(node.id)
            if isinstance(found, Class)
        ),
        None,
    )
    if klass is None:
        return values
    outer = text.value if isinstance(text, ast.Subscript) else text
    outside = outer.id.lower() if isinstance(outer, ast.Name) else ""
    return tuple((guard, _within(klass, value, call, outside)) for guard, value in values)


def _within(klass: Class, value: Value, call: EvaluatedCall, outside: str) -> Value:
    """A dictionary as a model; those inside of a list, or of a dictionary of them."""
    if isinstance(value, List):
        return List(
            [tuple((g, _model(klass, v, call)) for g, v in each) for each in value.items],
            value.more,
        )
    if isinstance(value, Dict) and outside in ("dict", "mapping"):
        return Dict({
            key: tuple((g, _model(klass, v, call)) for g, v in each)
            for key, each in value.slots.items()
        })  # fmt: skip
    return _model(klass, value, call)


def validated(klass: Class, call: EvaluatedCall) -> Values:
    """`Model.model_validate(data)`, `Model.parse_obj(data)`, `Model(**data)`."""
    return call.run.each(call.values(0) or NONE, lambda value: only(_model(klass, value, call)))


def _model(klass: Class, value: Value, call: EvaluatedCall) -> Value:
    if not isinstance(value, Dict):
        if isinstance(value, Symbol):
            return instance(klass, call.giving(**{"**": only(value)}))
        return value
    given = {key: inner for key, inner in value.slots.items() if isinstance(key, str)}
    return instance(klass, call.giving(**given))
