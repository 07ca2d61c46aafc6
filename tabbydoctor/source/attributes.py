"""What stands behind a dot and in brackets."""

from __future__ import annotations

import ast
import posixpath
from typing import Any
from urllib.parse import urlsplit

from tabbydoctor.source.engine import Engine, EvaluatedCall, Raised
from tabbydoctor.source.guards import ALWAYS, Guard
from tabbydoctor.source.memory import restricted, trimmed
from tabbydoctor.source.values import (
    NOTHING,
    SOMETHING,
    Class,
    Client,
    Const,
    Dict,
    File,
    Function,
    Holder,
    Known,
    List,
    Method,
    Module,
    Name,
    Object,
    Request,
    Rest,
    Scope,
    Symbol,
    Text,
    Value,
    Values,
    Yielded,
    first,
    likely,
    likely_text,
    only,
    plain,
)

_DICT_METHODS = set(dir(dict))
_CLIENT_SLOTS = {"headers", "base_url", "auth", "hooks", "event_hooks"}
ANNOTATED = "annotated"
"""The name of what `Annotated[type, Depends(f)]` is: its meaning is what f gives."""
_URL_PARTS = ("hostname", "host", "port", "netloc", "scheme", "path", "query")
_INCOMING = {"flask.request", "quart.request", "bottle.request", "sanic.request"}
"""Names of libraries that stand for the request that is being answered."""
_SLOT = {"base_url": "base", "hooks": "auth", "event_hooks": "auth"}


def attribute(run: Engine, base: Value, name: str, node: ast.AST) -> Values:  # noqa: C901 - one case a kind
    """`base.name`."""
    match base:
        case Symbol():
            return _of_unknown(run, base, name, node)
        case Name():
            return _of_name(run, base, name)
        case Object():
            return of_object(run, base, name, node)
        case Module():
            return of_module(run, base, name)
        case Class():
            return _of_class(run, base, name, node)
        case Client():
            if name in _CLIENT_SLOTS and base.library != "openai":
                slot = _SLOT.get(name, name)
                return base.slots.get(slot) or only(SOMETHING)
            found = base.slots.get(name)
            if not found and base.of is not None:
                found = _inherited(run, base.of, name, base, node)
            return found or only(Method(base, name))
        case Const(value=None):
            return ()
        case Request():
            return base.slots.get(name) or only(Method(base, name))
        case Const(value=str()) | Text():
            return only(_of_text(base, name))
        case Method(base=Client() as client, name=before):
            return only(Method(client, f"{before}.{name}"))
        case Dict():
            held = base.slots.get(name)
            return held if held and name not in _DICT_METHODS else only(Method(base, name))
        case Function():
            return only(Method(base, name))
        case Yielded(values=values):
            return run.each(values, lambda inner: attribute(run, inner, name, node))
    return only(Method(base, name))


def of_module(run: Engine, base: Module, name: str) -> Values:
    """A name of another module of the program, or a module in its package."""
    run.memory.look(base.scope, name)
    found = base.slots.get(name)
    if found:
        return found
    inner = run.importing(run, base.path, 1, name) if base.path.endswith("__init__.py") else None
    if inner is not None:
        return only(inner)
    return only(Name(f"{base.name}.{name}"))


def _of_name(run: Engine, base: Name, name: str) -> Values:
    if f"{base.name}.{name}" in _INCOMING:
        return only(Symbol(f"argument {base.name}.{name}"))
    return run.remembered((base.name, name)) or ((ALWAYS, Name(f"{base.name}.{name}")),)


def _of_unknown(run: Engine, base: Symbol, name: str, node: ast.AST) -> Values:
    if base.likely is not None and isinstance(base.likely.value, str):
        return only(_of_text(base, name))
    return _of_unknown_key(run, base, name, node)


def _of_unknown_key(run: Engine, base: Symbol, name: str, node: ast.AST) -> Values:
    return kept(run, base, name) or only(unknown_part(run, base, name, node))


def unknown_part(run: Engine, base: Symbol, name: str, node: ast.AST) -> Symbol:
    """What stands under a name of something unknown."""
    return base.part(name, run.place(node), run.marks(name))


def keep(run: Engine, base: Symbol | Name, name: str, values: Values) -> None:
    """Note what is put under a name of something unknown: `app.state.client = …`."""
    if isinstance(base, Symbol) and _is_data(base):
        home = next((each for each in run.scopes() if _names(each, base.root)), None)
        if home is not None:  # who reads the file again reads it as it is
            run.memory.write(home, (base.name, name), values)
        else:
            run.remember((base.name, name), values)
        return
    run.remember((owner(base), name), values)
    if isinstance(base, Symbol):
        run.remember(("*", name), values)


def kept(run: Engine, base: Symbol, name: str) -> Values | None:
    """What the program put under that name of something unknown, wherever: of data, right there."""
    if _is_data(base):
        key = (base.name, name)
        for scope in run.scopes():
            run.memory.look(scope, key)
            if values := scope.slots.get(key):
                return values
        return run.remembered(key)
    return run.remembered((owner(base), name)) or run.remembered(("*", name))


def _names(scope: Scope, root: str) -> bool:
    """Whether a name of a scope stands for something of some data."""
    values = (value for each in scope.slots.values() for _, value in each)
    return any(isinstance(value, Symbol) and value.root == root for value in values)


def _is_data(base: Symbol) -> bool:
    """Whether it is of a file, of a request's or an answer's body: what nobody else has."""
    return base.root.startswith(("file ", "answer ")) or "json()" in base.path


def owner(base: Value) -> str:
    """By what the owner of an attribute is told again: its own last name."""
    if isinstance(base, Symbol):
        return base.path[-1] if base.path else base.root.partition(" ")[0]
    return base.name if isinstance(base, Name) else "*"


def _of_text(base: Value, name: str) -> Value:
    """What pathlib's paths have beside methods; a path is a string here."""
    text = likely_text(base)
    if text is not None:
        if name == "parent":
            return Const(posixpath.dirname(text) or ".")
        if name == "name":
            return Const(posixpath.basename(text))
        if name == "stem":
            return Const(posixpath.basename(text).rpartition(".")[0])
        if name == "value":  # of an Enum's member
            return base
        if name == "parents":
            places = [text]
            while posixpath.dirname(places[-1]) not in (places[-1], ""):
                places.append(posixpath.dirname(places[-1]))
            return List(only(Const(each)) for each in places[1:])
    if name in _URL_PARTS:
        start = text if text is not None else _start(base)
        if "://" in start and (text is not None or name not in ("path", "query")):
            return _of_url(start, name, base)
    return Method(base, name)


def _start(value: Value) -> str:
    """How a text begins, up to what is not known of it."""
    known = ""
    for part in value.parts if isinstance(value, Text) else ():
        held = likely(part)
        if held is None:
            break
        known += str(held)
    return known


def _of_url(text: str, name: str, base: Value) -> Value:
    """A part of a URL that `urlsplit`, `httpx.URL` or `yarl.URL` took apart."""
    try:
        parts = urlsplit(text)
        held = getattr(parts, "hostname" if name == "host" else name)
    except ValueError:
        return SOMETHING
    return Const(held, getattr(base, "marked", False))


def of_object(run: Engine, base: Object, name: str, node: ast.AST) -> Values:
    """An attribute of an object: its own, else its class's."""
    run.memory.look(base, name)
    if base.slots.get(name):
        return base.slots[name]
    found = _inherited(run, base.of, name, base, node)
    if found is not None:
        return found
    if name == "__class__":
        return only(base.of)
    getter = _inherited(run, base.of, "__getattr__", base, node)
    if getter:
        call = EvaluatedCall(run, node, [only(Const(name))], {})
        return run.each(getter, lambda function: run.called(function, call))
    external = [each for each in base.of.line() if not isinstance(each, Class)]
    if external:
        names = ".".join(each.name for each in external[:1] if isinstance(each, Name))
        own = Symbol(f"argument {base.of.node.name}.self of {names}")
        return _of_unknown(run, own, name, node)
    return only(Symbol(f"attribute {base.of.node.name}", (name,), marked=run.marks(name)))


def _inherited(
    run: Engine, klass: Class, name: str, me: Value | None, node: ast.AST
) -> Values | None:
    """What a class or one of its bases holds; None where none does."""
    for each in klass.line():
        if isinstance(each, Class):
            run.memory.look(each, name)
            if values := each.slots.get(name):
                return tuple(
                    (guard, inner)
                    for guard, value in values
                    for inner in _bound(run, value, me, each, node)
                )
    return None


def _bound(
    run: Engine, value: Value, me: Value | None, klass: Class, node: ast.AST
) -> tuple[Value, ...]:
    if not isinstance(value, Function) or isinstance(value.node, ast.Lambda):
        return (value,)
    said = decorators(value.node)
    if "staticmethod" in said:
        return (value,)
    if "classmethod" in said:
        return (value.bound(klass if me is None else me, klass),)
    method = value.bound(me, klass)
    if me is not None and said & {"property", "cached_property"}:
        call = EvaluatedCall(run, node, [], {})
        return tuple(inner for _, inner in run.called(method, call)) or (SOMETHING,)
    return (method,)


def decorators(node: ast.AST) -> set[str]:
    """The last names of a function's decorators."""
    found = set()
    for each in getattr(node, "decorator_list", ()):
        inner = each.func if isinstance(each, ast.Call) else each
        found.add(inner.attr if isinstance(inner, ast.Attribute) else getattr(inner, "id", ""))
    return found


def _of_class(run: Engine, base: Class, name: str, node: ast.AST) -> Values:
    found = _inherited(run, base, name, None, node)
    if found is not None:
        return found
    if name == "__name__":
        return only(Const(base.node.name))
    return only(Method(base, name))


def super_attribute(run: Engine, me: Value, klass: Class, name: str, node: ast.AST) -> Values:
    """`super().name`."""
    own = me.of if isinstance(me, Object | Client) and me.of else klass
    line = list(own.line())
    behind = line[line.index(klass) + 1 :] if klass in line else []
    for each in behind:
        if isinstance(each, Class) and each.slots.get(name):
            return tuple(
                (guard, inner)
                for guard, value in each.slots[name]
                for inner in _bound(run, value, me, each, node)
            )
    if isinstance(me, Client):
        return only(Method(me, name))
    return only(Symbol(f"super {klass.node.name}", (name,)))


def subscript(run: Engine, base: Value, key: Value, node: ast.AST) -> Values:  # noqa: C901 - one case a kind
    """`base[key]`."""
    match base:
        case Dict():
            return looked_up(base, key, None)  # a key that is not there raises
        case List():
            return _item(base, plain(key))
        case Name(name="os.environ"):
            name = likely_text(key)
            if name and (run.environment or {}).get(name) == "":
                run.variable(name, node, None)
                raise Raised
            return run.variable(name, node, None) if name else only(SOMETHING)
        case Name(name=name) if name.endswith(".Annotated") and isinstance(key, List):
            given = [each for each in key.items[1:] if _is_given(each)]
            return only(Known(ANNOTATED, given[-1]) if given else first(key.items[0]))
        case Name(name=name):
            return run.remembered((name, likely_text(key))) or only(base)
        case Class():
            return only(base)  # `dict[str, str]`
        case Symbol():
            return _of_unknown_key(run, base, word(key), node)
        case Object():
            getter = of_object(run, base, "__getitem__", node)
            call = EvaluatedCall(run, node, [only(key)], {})
            return run.each(getter, lambda function: run.called(function, call))
        case Const(value=None):
            return ()
        case Client() | File():
            return only(SOMETHING)
    return only(SOMETHING)


def _is_given(values: Values) -> bool:
    """Whether it is what a dependency gives, not what a marker says."""
    return isinstance(first(values), Holder | Text | Const)


def word(key: Value) -> str:
    """A key of something unknown, as a name."""
    text = plain(key)
    if isinstance(text, Const):
        return str(text.value)
    if isinstance(key, Symbol):
        return f"[{' '.join(key.name)}]"
    return f"[{key}]"


def _item(base: List, key: Value) -> Values:
    items = base.items
    if isinstance(key, Const) and isinstance(key.value, int):
        if -len(items) <= key.value < len(items):
            return items[key.value]
        return only(SOMETHING)
    if not items or base.more:
        return only(Symbol("an element")) if not items else items[0]
    if isinstance(key, Symbol) and key.root:
        return trimmed(
            each
            for number, values in enumerate(items)
            for each in restricted(values, frozenset({(key.name, "==", number, True)}))
        )
    return trimmed(each for values in items for each in values)


def looked_up(table: Dict, key: Value, default: Values | None) -> Values:
    """What a dictionary holds under a key; the default where it may lack it.

    Empty where it lacks it and nothing is given for that.
    """
    held = plain(key)
    if isinstance(held, Const):
        return _under_known(table, held.value, default)
    exact = table.slots.get(key) if not isinstance(key, Holder) else None
    if exact:
        return exact
    name = key.name if isinstance(key, Symbol) else (str(key),)
    found: list[tuple[Guard, Value]] = []
    known: list[Any] = []
    others = False
    for slot, values in table.slots.items():
        if not values:
            continue
        if isinstance(slot, Rest):
            inner = values[0][1]
            if isinstance(inner, Symbol):
                found.append((values[0][0], inner.part(word(key))))
            continue
        if isinstance(slot, Symbol | Text):
            others = True
            literal = (name, "listed", id(table), True)
        else:
            known.append(slot)
            literal = (name, "==", slot, True)
        found += restricted(values, frozenset({literal}))
    if default:
        lacking: Guard = frozenset({(name, "==", each, False) for each in known[:8]})
        if others:
            lacking |= {(name, "listed", id(table), False)}
        found += restricted(default, lacking)
    return trimmed(found)


def _under_known(table: Dict, key: Any, default: Values | None) -> Values:
    found: list[tuple[Guard, Value]] = []
    own = table.slots.get(key)
    if own:
        found += own
        if not any(guard == ALWAYS for guard, _ in own) and default:
            found += default
        return trimmed(found)
    if key in table.slots:  # deleted
        return default or ()
    for slot, values in table.slots.items():
        if isinstance(slot, Rest) and values:
            guard, inner = values[0]
            if isinstance(inner, Symbol):
                found.append((guard, inner.part(str(key))))
        elif isinstance(slot, Symbol) and values:
            found += restricted(values, frozenset({(slot.name, "==", key, True)}))
    if default and (not found or default != ((ALWAYS, NOTHING),)):
        found += default
    return trimmed(found)
