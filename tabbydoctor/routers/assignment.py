"""What assignments, deletions and changing methods do to names, attributes and entries."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from tabbydoctor.routers.evaluation import evaluate
from tabbydoctor.routers.ranking import plain, stored
from tabbydoctor.routers.values import (
    SOMETHING,
    Client,
    Const,
    Instance,
    Items,
    Prepared,
    Table,
    Unknown,
    Value,
    hinted,
)
from tabbydoctor.routers.world import World

if TYPE_CHECKING:
    from tabbydoctor.routers.interpreter import Interpreter

_ANY_KEY = "key of *"
"""The last step to a name in something that is not known, as `items()` gives it."""


def assign(
    run: Interpreter, target: ast.expr, value: Value, world: World, quiet: bool = False
) -> Iterator[World]:
    """The worlds after `target = value`. `quiet`: the object was changed, not bound anew."""
    match target:
        case ast.Name(id=name):
            after = world.named(name, hinted(value, name))
            yield after if quiet else after.with_(own_names=after.own_names | {name})
        case ast.Starred(value=inner):
            yield from assign(run, inner, SOMETHING, world)
        case ast.Tuple(elts=targets) | ast.List(elts=targets):
            yield from _unpack(run, targets, value, world)
        case ast.Attribute():
            yield from _set_attribute(run, target, value, world)
        case ast.Subscript():
            yield from _set_item(run, target, value, world)
        case _:
            yield world


def _unpack(
    run: Interpreter, targets: list[ast.expr], value: Value, world: World
) -> Iterator[World]:
    parts = value.items if isinstance(value, Items) else ()
    source = plain(value)
    worlds = [world]
    for index, target in enumerate(targets):
        part: Value = SOMETHING
        if index < len(parts):
            part = parts[index]
        elif isinstance(source, Unknown) and source.root:
            part = source.part(str(index), target.lineno)
        worlds = [after for each in worlds for after in assign(run, target, part, each)]
    yield from worlds


def _set_attribute(
    run: Interpreter, target: ast.Attribute, value: Value, world: World
) -> Iterator[World]:
    value = hinted(value, target.attr)
    for base, then in evaluate(run, target.value, world):
        match base:
            case Instance():
                stored(run.pool.setdefault((base.of.node.name, target.attr), []), value)
                changed: Value = base.put(target.attr, value)
                yield from assign(run, target.value, changed, then, quiet=True)
            case Client() if target.attr == "headers" and isinstance(value, Table):
                yield from assign(run, target.value, replace(base, headers=value), then, True)
            case Client() if target.attr == "auth":
                yield from assign(run, target.value, replace(base, auth=value), then, True)
            case _:
                stored(run.pool.setdefault(("", target.attr), []), value)
                yield then


def _set_item(
    run: Interpreter, target: ast.Subscript, value: Value, world: World
) -> Iterator[World]:
    for base, then in evaluate(run, target.value, world):
        for key, after in evaluate(run, target.slice, then):
            yield from put_at(run, target.value, _put(base, plain(key), value), after)


def put_at(run: Interpreter, place: ast.expr, value: Value | None, world: World) -> Iterator[World]:
    """The worlds in which the object at a place has become `value` (None: as it was)."""
    if value is None:
        yield world
    elif isinstance(place, ast.Attribute) and place.attr == "headers":
        for owner, then in evaluate(run, place.value, world):
            if isinstance(owner, Client | Prepared):
                yield from assign(run, place.value, replace(owner, headers=value), then, True)
            else:
                yield from assign(run, place, value, then, quiet=True)
    else:
        yield from assign(run, place, value, world, quiet=True)


def removed(run: Interpreter, target: ast.Subscript, world: World) -> Iterator[World]:
    """The worlds after `del target`."""
    for base, then in evaluate(run, target.value, world):
        for key, after in evaluate(run, target.slice, then):
            changed = base.drop(key) if isinstance(base, Table) else None
            yield from put_at(run, target.value, changed, after)


def elements(source: Value, line: int) -> list[Value]:
    """What iterating over a value gives, one after the other."""
    match source:
        case Items(items=items) if items:
            return list(items)
        case Items(more=False):
            return []
        case Table(items=entries, rest=None):
            return [key for key, _ in entries]
    source = plain(source)
    if isinstance(source, Unknown) and source.root:
        return [source.part("*", line)]
    return [Unknown(f"element {line}")]


def _put(base: Value, key: Value, value: Value) -> Value | None:
    if isinstance(base, Table) and isinstance(key, Unknown) and key.path[-1:] == (_ANY_KEY,):
        # An entry for each of another one's: what that holds is carried over.
        return replace(base, rest=base.rest or replace(key, path=key.path[:-1]))
    if isinstance(base, Table):
        return base.put(key, hinted(value, key.value if isinstance(key, Const) else ""))
    base = plain(base)
    if isinstance(base, Unknown):
        return Table(((key, value),), base)
    return None
