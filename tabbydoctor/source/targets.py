"""Where a value is put: names, attributes, entries, the parts of a tuple."""

from __future__ import annotations

import ast
from typing import Any

from tabbydoctor.source.attributes import keep
from tabbydoctor.source.attributes import word as name_of
from tabbydoctor.source.engine import Engine, EvaluatedCall
from tabbydoctor.source.memory import restricted, trimmed
from tabbydoctor.source.secret_names import is_secret
from tabbydoctor.source.seen import Stored
from tabbydoctor.source.values import (
    Class,
    Client,
    Const,
    Dict,
    Holder,
    List,
    Module,
    Name,
    Object,
    Request,
    Symbol,
    Value,
    Values,
    only,
    plain,
)

_CLIENT_SLOT = {"base_url": "base", "event_hooks": "auth", "hooks": "auth"}


def assign(run: Engine, target: ast.expr, values: Values) -> None:
    """`target = values`."""
    match target:
        case ast.Name(id=name):
            run.bind(name, values)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            _unpack(run, parts, values)
        case ast.Attribute(value=base, attr=name):
            values = run.under(name, values)
            _stored(run, name, values)
            put_attribute(run, run.evaluate(base), name, values)
        case ast.Subscript(value=base, slice=key):
            put_item(run, run.evaluate(base), run.evaluate(key), values)
        case ast.Starred(value=inner):
            assign(run, inner, values)


def _unpack(run: Engine, parts: list[ast.expr], values: Values) -> None:
    for number, part in enumerate(parts):
        found: list[tuple[Any, Value]] = []
        for guard, value in values:
            if isinstance(value, List) and isinstance(part, ast.Starred):
                rest = len(value.items) - (len(parts) - 1 - number)
                found.append((guard, List(value.items[number:rest], value.more)))
            elif isinstance(value, List) and number < len(value.items):
                item = value.items[number - len(parts) if value.more else number]
                found += restricted(item, guard)
            elif isinstance(value, Symbol):
                found.append((guard, value.part(str(number))))
        assign(run, part, trimmed(found) or only(Symbol("part")))


def _stored(run: Engine, name: str, values: Values) -> None:
    kept = tuple(each for each in values if isinstance(each[1], Const | Symbol))
    if kept:
        run.seen.stored.append(Stored(name, run.path, kept, run.stack))


def put_attribute(run: Engine, bases: Values, name: str, values: Values) -> None:
    """`base.name = values`, for each base that it may be."""
    for guard, base in bases:
        if isinstance(base, Module):
            run.memory.write(base.scope, name, values)
        elif isinstance(base, Client | Request):
            slot = _CLIENT_SLOT.get(name, name)
            _write(run, base, slot, values, certain=len(bases) == 1 and not guard)
        elif isinstance(base, Object | Class):
            _write(run, base, name, values, certain=len(bases) == 1 and not guard)
        elif isinstance(base, Symbol | Name):
            keep(run, base, name, values)


def _write(run: Engine, holder: Holder, key: Any, values: Values, *, certain: bool) -> None:
    if not certain:
        values = trimmed((*values, *holder.slots.get(key, ())))
    run.memory.write(holder, key, values)


def put_item(run: Engine, bases: Values, keys: Values, values: Values) -> None:
    """`base[key] = values`."""
    certain = len(bases) == 1 and not bases[0][0] and len(keys) == 1 and not keys[0][0]
    for _, base in bases:
        for _, key in keys:
            word = plain(key)
            if isinstance(word, Const) and isinstance(word.value, str):
                _stored(run, word.value, values)
            put_one(run, base, key, values, certain=certain)


def put_one(  # noqa: C901 - one case a kind
    run: Engine, base: Value, key: Value, values: Values, *, certain: bool = True
) -> None:
    """Put an entry into one container."""
    word = plain(key)
    slot: Any = word.value if isinstance(word, Const) else key
    values = run.under(slot, values)
    match base:
        case Dict():
            if isinstance(slot, Holder):
                slot = Symbol(f"key {id(slot)}")
            known = isinstance(word, Const)
            if not certain or not known:
                values = trimmed((*values, *base.slots.get(slot, ())))
            run.memory.write(base, slot, values)
        case List():
            if isinstance(slot, int) and not isinstance(slot, bool) and slot in base.slots:
                _write(run, base, slot, values, certain=certain)
        case Name(name="os.environ") if isinstance(slot, str):
            if not is_secret(slot):  # that it sets itself a key is told elsewhere
                run.remember(("os.environ", slot), values)
        case Symbol() | Name():
            keep(run, base, name_of(key), values)
        case Object():
            from_class = base.of
            for each in from_class.line():
                if isinstance(each, Class) and (found := each.slots.get("__setitem__")):
                    call = EvaluatedCall(run, from_class.node, [only(key), values], {})
                    for _, function in found:
                        if hasattr(function, "bound"):
                            run.called(function.bound(base, each), call)
                    return


def delete(run: Engine, target: ast.expr) -> None:
    """`del target`."""
    match target:
        case ast.Subscript(value=base, slice=key):
            for _, holder in run.evaluate(base):
                for _, name in run.evaluate(key):
                    remove(run, holder, name)
        case ast.Tuple(elts=parts):
            for part in parts:
                delete(run, part)


def remove(run: Engine, base: Value, key: Value) -> None:
    """Take an entry out; that it is not there is noted where it might have been."""
    word = plain(key)
    if isinstance(base, Dict | List):
        slot: Any = word.value if isinstance(word, Const) else key
        run.memory.write(base, slot, ())
