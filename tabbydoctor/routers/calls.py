"""What a call in a router's source does: to the source's own functions, to libraries, to HTTP."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tabbydoctor.routers import library, marked_functions, methods, outgoing
from tabbydoctor.routers.classes import construct, method
from tabbydoctor.routers.evaluation import evaluate, evaluate_all
from tabbydoctor.routers.ranking import plain
from tabbydoctor.routers.values import (
    SOMETHING,
    Bound,
    Class,
    Client,
    Const,
    External,
    Function,
    Instance,
    Items,
    Marked,
    OpenFile,
    Prepared,
    Response,
    Table,
    Unknown,
    Value,
)
from tabbydoctor.routers.world import Outcome, World

if TYPE_CHECKING:
    from tabbydoctor.routers.interpreter import Interpreter


@dataclass(frozen=True)
class Site:
    """One call with its arguments worked out."""

    run: Interpreter
    node: ast.Call
    arguments: list[Value]
    keywords: dict[str, Value]
    world: World

    @property
    def line(self) -> int:
        """Where it stands."""
        return self.node.lineno

    def argument(self, position: int, name: str = "") -> Value | None:
        """An argument by position or keyword."""
        if name and name in self.keywords:
            return self.keywords[name]
        return self.arguments[position] if 0 <= position < len(self.arguments) else None

    @property
    def receiver(self) -> ast.expr | None:
        """The expression before the dot."""
        return self.node.func.value if isinstance(self.node.func, ast.Attribute) else None

    def result(self) -> Unknown:
        """The unknown result of this call."""
        return Unknown(f"result {self.node.lineno}:{self.node.col_offset}")


def call(run: Interpreter, node: ast.Call, world: World) -> Iterator[Outcome]:
    """The results of a call, each with the world after it."""
    positional = [arg.value if isinstance(arg, ast.Starred) else arg for arg in node.args]
    named = [keyword.value for keyword in node.keywords]
    for callee, ready in evaluate(run, node.func, world):
        for values, then in evaluate_all(run, [*positional, *named], ready):
            arguments: list[Value] = []
            for argument, value in zip(node.args, values, strict=False):
                spread = isinstance(argument, ast.Starred) and isinstance(value, Items)
                arguments += value.items if spread and isinstance(value, Items) else [value]
            keywords: dict[str, Value] = {}
            for keyword, value in zip(node.keywords, values[len(positional) :], strict=True):
                keywords.update(_spread(value) if keyword.arg is None else {keyword.arg: value})
            yield from apply(callee, Site(run, node, arguments, keywords, then))


def _spread(value: Value) -> dict[str, Value]:
    """The keywords that `**value` gives."""
    if not isinstance(value, Table):
        return {}
    return {str(key.value): entry for key, entry in value.items if isinstance(key, Const)}


def apply(callee: Value, site: Site) -> Iterator[Outcome]:
    """The results of calling a value."""
    run, world = site.run, site.world
    match callee:
        case Function():
            yield from run.invoke(
                callee, site.arguments, site.keywords, site.node, world, _receivers(callee, site)
            )
        case Class():
            yield from construct(run, callee, site.arguments, site.keywords, site.node, world)
        case Instance():
            called = method(callee.of, "__call__")
            if isinstance(called, Function):
                bound = Function(called.node, called.closure, called.scope, callee)
                yield from run.invoke(bound, site.arguments, site.keywords, site.node, world)
            else:
                yield site.result(), world
        case External(name=name):
            yield from _external(name, site)
        case Marked():
            yield from marked_functions.call(callee, site)
        case Client(library="openai"):
            yield from outgoing.openai(callee, site)
        case Bound(name="partial", base=base) if callee.arguments or callee.keywords:
            arguments = [*callee.arguments, *site.arguments]
            keywords = {**dict(callee.keywords), **site.keywords}
            yield from apply(base, Site(run, site.node, arguments, keywords, world))
        case Bound(base=base, name=name):
            yield from _method(base, name, site)
        case _:
            yield from handed_on(site)


def _receivers(function: Function, site: Site) -> dict[str, ast.expr]:
    """Parameter -> the expression whose object it is, for objects a function may change."""
    names = [parameter.arg for parameter in function.node.args.args]
    found: dict[str, ast.expr] = {}
    if function.bound is not None and names and site.receiver is not None:
        above = isinstance(site.receiver, ast.Call) and ast.unparse(site.receiver.func) == "super"
        own = names.pop(0)
        found[own] = ast.Name(own, ast.Load()) if above else site.receiver
    for name, argument in zip(names, site.node.args, strict=False):
        if isinstance(argument, ast.Name):
            found[name] = argument
    return {
        name: place for name, place in found.items() if isinstance(place, ast.Name | ast.Attribute)
    }


def _external(name: str, site: Site) -> Iterator[Outcome]:
    if name in outgoing.CONSTRUCTORS:
        yield outgoing.construct(name, site), site.world
        return
    sent = outgoing.by_module(name, site)
    if sent is not None:
        yield from sent
        return
    known = library.FUNCTIONS.get(name) or library.FUNCTIONS.get(name.rpartition(".")[2], None)
    if known is not None and (name in library.FUNCTIONS or not name.startswith("builtins.")):
        result = known(site)
        if isinstance(result, Iterator):
            yield from result
        else:
            yield result, site.world
        return
    yield from handed_on(site)


def _method(base: Value, name: str, site: Site) -> Iterator[Outcome]:
    match base:
        case Client():
            yield from outgoing.method(base, name, site)
        case Prepared():
            yield from outgoing.prepared(base, name, site)
        case Response():
            yield from methods.of_response(base, name, site)
        case OpenFile():
            yield methods.of_file(base, name, site), site.world
        case Table():
            yield from methods.of_table(base, name, site)
        case Items():
            yield from methods.of_items(base, name, site)
        case _:
            base = plain(base)
            if outgoing.looks_sent(base, name, site):
                yield from outgoing.method(Client("unknown"), name, site)
            else:
                yield from methods.of_text(base, name, site)


def handed_on(site: Site) -> Iterator[Outcome]:
    """A call that is not known: functions handed to it may be called by it."""
    worlds = site.world
    for number, value in enumerate(site.arguments):
        callable_ = (
            isinstance(value, Function)
            or (isinstance(value, Bound) and isinstance(value.base, Client))
            or (isinstance(value, External) and outgoing.is_sender(value.name))
        )
        if callable_:
            rest = site.arguments[number + 1 :]
            inner = Site(site.run, site.node, rest, site.keywords, worlds)
            yield from apply(value, inner)
            return
    target = site.keywords.get("target")
    if isinstance(target, Function):
        given = site.keywords.get("args")
        arguments = list(given.items) if isinstance(given, Items) else []
        yield from apply(target, Site(site.run, site.node, arguments, {}, worlds))
        return
    first = site.arguments[0] if site.arguments else SOMETHING
    if isinstance(first, Response | Client | Items):
        yield first, worlds
        return
    yield site.result(), worlds
