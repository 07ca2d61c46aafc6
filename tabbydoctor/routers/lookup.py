"""What attributes and entries of a value may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from tabbydoctor.routers.classes import class_attribute, inherited, is_property, method
from tabbydoctor.routers.ranking import constant, plain, ranked
from tabbydoctor.routers.values import (
    NOTHING,
    SOMETHING,
    Bound,
    Class,
    Client,
    Const,
    External,
    Function,
    Instance,
    Items,
    Prepared,
    Response,
    Table,
    Unknown,
    Value,
    hinted,
    likely_text,
)
from tabbydoctor.routers.world import Outcome, World

if TYPE_CHECKING:
    from tabbydoctor.routers.interpreter import Interpreter

_REQUESTS = ("flask.request", "quart.request", "bottle.request")
"""What a caller sent, where it is a name of a module's (its functions have no such argument)."""


def _of_module(module: str, name: str) -> Value:
    if module in _REQUESTS:
        return Unknown(f"argument {module}", (name,))
    return External(f"{module}.{name}")


def attribute(
    run: Interpreter, base: Value, name: str, node: ast.expr, world: World
) -> Iterator[Outcome]:
    """What an attribute of a value may be."""
    match base:
        case Bound(base=Instance() as me, name="super"):
            above = inherited(run, me, name)
            yield (replace(above, bound=me) if above else SOMETHING), world
        case External(name=module):
            yield _of_module(module, name), world
        case Instance():
            yield from _of_instance(run, base, name, node, world)
        case Class():
            yield class_attribute(base, name) or Bound(base, name), world
        case Response():
            yield from _of_response(run, base, name, node, world)
        case Client(library="openai", path=path):
            yield replace(base, path=f"{path}.{name}".lstrip(".")), world
        case Client() | Prepared() if name == "headers":
            yield base.headers, world
        case Unknown() | Bound():
            stored = run.pool.get(("", name), [])
            for value in ranked(stored):
                yield value, world
            if not stored:
                yield Bound(base, name), world
        case Const() if name in ("value", "name"):
            yield base, world
        case _:
            yield Bound(base, name), world


def _of_response(
    run: Interpreter, base: Response, name: str, node: ast.expr, world: World
) -> Iterator[Outcome]:
    judged = world.with_(judged=node.lineno)
    if name in ("status_code", "status", "code"):
        yield run.status(base), judged
    elif name in ("ok", "is_success", "is_error", "is_client_error"):
        yield run.succeeded(base, negated=name.endswith("_error")), judged
    else:
        yield Bound(base, name), world


def _of_instance(
    run: Interpreter, base: Instance, name: str, node: ast.expr, world: World
) -> Iterator[Outcome]:
    own = base.get(name)
    if own is not None and own != NOTHING:
        yield world.known(hinted(own, "tabby") if base.hint else own), world
        return
    stored = [value for value in run.pool.get((base.of.node.name, name), []) if value != NOTHING]
    if stored:
        for value in ranked(stored):
            yield value, world
        return
    found = method(base.of, name)
    if found is None:
        inherited = class_attribute(base.of, name)
        fallback = own if own is not None else Unknown(f"attribute {base.of.node.name}.{name}")
        yield (inherited if inherited is not None else fallback), world
    elif isinstance(found, Function) and is_property(found):
        yield from run.invoke(replace(found, bound=base), [], {}, node, world)
    else:
        yield replace(found, bound=base) if isinstance(found, Function) else found, world


def item(
    run: Interpreter,
    base: Value,
    key: Value,
    line: int,
    world: World,
    default: Value | None = None,
) -> Iterator[Outcome]:
    """What stands under a key (or at a number) of a value; `default` where it may lack."""
    key = plain(world.known(key))
    match base, key:
        case External(name="os.environ"), Const(value=str(name)):
            value = run.environment(name, line, default)
            missing = default is None and run.lacks(name)
            yield value, world.with_(flow="raise") if missing else world
        case Table(), Const():
            found = base.get(key)
            if found is not None:
                yield hinted(found, key.value), world
            elif base.rest:
                yield base.rest.part(str(key.value), line, _default(default)), world
            else:
                yield default if default is not None else SOMETHING, world
        case Table(), Unknown() if base.items:
            yield from _any_of(base, key, line, world)
        case Items(items=items), Const(value=int(number)) if -len(items) <= number < len(items):
            yield items[number], world
        case Items(items=items), _ if items:
            for value in ranked(items):
                yield value, world
        case Bound(base=Unknown() as origin, name=name), _:
            part = origin.part(name, line)
            yield part.part(_key_name(key), line, _default(default)), world
        case Unknown(), _:
            yield world.known(base.part(_key_name(key), line, _default(default))), world
        case _:
            yield (default if default is not None else SOMETHING), world


def _key_name(key: Value) -> str:
    if isinstance(key, Const):
        return str(key.value)
    return "/".join(key.name) if isinstance(key, Unknown) else "*"


def _default(value: Value | None) -> Const | None:
    if isinstance(value, Const):
        return value if value.value is not None else None
    text = likely_text(value) if value is not None else None
    return None if text is None else Const(text)


def _any_of(table: Table, key: Unknown, line: int, world: World) -> Iterator[Outcome]:
    """Each entry that an unknown key may mean, in the world in which it does."""
    entries = [(name, hinted(value, constant(name))) for name, value in table.items]
    order = {id(value): number for number, value in enumerate(ranked([v for _, v in entries]))}
    for name, value in sorted(entries, key=lambda entry: order.get(id(entry[1]), len(order))):
        if id(value) not in order:
            continue
        then = world.assume(key, "==", name.value, True) if isinstance(name, Const) else world
        if then:
            yield value, then
    if table.rest:
        yield table.rest.part(_key_name(key), line), world
