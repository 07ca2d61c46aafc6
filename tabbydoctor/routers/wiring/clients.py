"""Giving the key to the HTTP clients and calls that reach TabbyAPI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import libcst as cst

from tabbydoctor.routers import Call
from tabbydoctor.routers.probes import is_open
from tabbydoctor.routers.wiring.block import ASKING
from tabbydoctor.routers.wiring.plan import Plan
from tabbydoctor.routers.wiring.source import Edit, Tree, last_name, newline_of


@dataclass(frozen=True, slots=True)
class Way:
    """How one kind of call is given the key: by an argument, or by wrapping what it makes."""

    kind: Literal["argument", "list", "wrap", "first"]
    part: str
    """The part of the helper that does it."""
    name: str = ""
    """The argument's name."""
    value: str = ""
    """The argument, or the function that wraps."""


AUTH = Way("argument", "auth", "auth", "_tabby_auth")
SESSION = Way("wrap", "session", value="_tabby_session")
TRACE = Way("list", "trace", "trace_configs", "_tabby_trace()")
OPENAI = Way("argument", "http", "http_client", "_tabby_http()")
ASYNC_OPENAI = Way("argument", "async_http", "http_client", "_tabby_async_http()")
CONNECTION = Way("wrap", "connection", value="_tabby_connection")
REQUEST = Way("first", "request", value="_tabby_request")
CLIENTS = {
    "httpx.AsyncClient": AUTH,
    "httpx.Client": AUTH,
    "requests.Session": SESSION,
    "requests.session": SESSION,
    "requests.sessions.Session": SESSION,
    "aiohttp.ClientSession": TRACE,
    "aiohttp.client.ClientSession": TRACE,
    "openai.OpenAI": OPENAI,
    "openai.AsyncOpenAI": ASYNC_OPENAI,
    "http.client.HTTPConnection": CONNECTION,
    "http.client.HTTPSConnection": CONNECTION,
}
_NO_KEY = "not-needed"
_VERBS = ("get", "post", "put", "delete", "head", "options", "patch", "request")
FUNCTIONS = {
    **{f"{module}.{verb}": AUTH for module in ("httpx", "requests") for verb in _VERBS},
    "httpx.stream": AUTH,
    "requests.api.request": AUTH,
    "urllib.request.urlopen": REQUEST,
}


def needs_key(call: Call, even_with_own: bool) -> bool:
    """Whether a call is to be given the key: not if it sends one of its own, or needs none."""
    open_probe = call.method in ("GET", "HEAD") and bool(call.path) and is_open(call.path)
    return (even_with_own or call.sends_key is not True) and not open_probe


def wire_call(plan: Plan, call: Call) -> bool:
    """Give one call the key where it, or the client that sends it, is made. False: no place."""
    if plan.tree.call(call.line, call.column, lambda name: name in ASKING):
        return True
    direct = plan.tree.call(call.line, call.column, lambda name: name in _SENDERS)
    way = _way(plan.tree, direct, FUNCTIONS) if direct is not None else None
    if direct is not None and way is not None:
        return _give(plan, direct, way)
    if call.library == "urllib":
        return _wire_urlopen(plan, call)
    found = [
        made
        for at in call.constructors
        for made in plan.tree.calls.get((at.line, at.column), [])
        if _client_way(plan.tree, made)
    ]
    if not found and not call.constructors:
        found = _clients_of(plan.tree, call.library)
    done = [_give(plan, made, way) for made in found if (way := _client_way(plan.tree, made))]
    return bool(done) and all(done)


_SENDERS = {*_VERBS, "stream", "urlopen"}


def _way(tree: Tree, call: cst.Call, ways: dict[str, Way]) -> Way | None:
    return next((ways[name] for name in sorted(tree.names(call.func)) if name in ways), None)


def _client_way(tree: Tree, call: cst.Call) -> Way | None:
    """How a constructor is given the key; one of a subclass may take no such argument."""
    way = _way(tree, call, CLIENTS)
    if way is not None:
        starred = any(arg.star == "**" for arg in call.args)
        return SESSION if way is AUTH and starred else way
    for node in tree.nodes(cst.ClassDef):
        if node.name.value == last_name(call):
            bases = {name for base in node.bases for name in tree.names(base.value)}
            if any(CLIENTS.get(base) in (AUTH, SESSION) for base in bases):
                return SESSION
    return None


def _clients_of(tree: Tree, library: str) -> list[cst.Call]:
    """Every client of a library that is made here, where it is not known which one sends."""
    names = {name for name in CLIENTS if library == "unknown" or name.startswith(library)}
    return [call for call in tree.nodes(cst.Call) if tree.names(call.func) & names]


def wire_every(plan: Plan) -> bool:
    """Give the key to every client made and every call sent here, whatever they reach.

    For a source whose calls cannot be followed: the helper itself looks where each one goes.
    """
    every = [
        (call, way)
        for call in plan.tree.nodes(cst.Call)
        if (way := _way(plan.tree, call, FUNCTIONS) or _client_way(plan.tree, call))
    ]
    done = [_give(plan, call, way) for call, way in every]
    return bool(done) and all(done)


def _wire_urlopen(plan: Plan, call: Call) -> bool:
    """`urlopen` takes the request that was made ready at the call's place."""
    every = [
        node
        for node in plan.tree.nodes(cst.Call)
        if "urllib.request.urlopen" in plan.tree.names(node.func)
    ]
    beside = [node for node in every if _line_within(plan.tree, call.line, node)]
    done = [_give(plan, node, REQUEST) for node in beside or every]
    return bool(done) and all(done)


def _line_within(tree: Tree, line: int, node: cst.Call) -> bool:
    around = tree.function(node)
    if isinstance(around, cst.Module):
        return True
    reach = tree.range(around)
    return reach.start.line <= line <= reach.end.line


def _give(plan: Plan, call: cst.Call, way: Way) -> bool:
    """Plan the edit at one call; False where something of its own is in the way."""
    tree = plan.tree
    line = tree.range(call).start.line
    said = f"line {line}: {tree.code(call.func)}(…) sends the key to TabbyAPI"
    if way.kind == "wrap":
        if not _wrapped(tree, call, way.value):
            start, end = tree.span(call)
            edits = (Edit(start, start, f"{way.value}("), Edit(end, end, ")"))
            plan.change(said, *edits, uses=way.part)
        return True
    if way.kind == "first":
        start, end = tree.span(call.args[0].value)
        if not tree.text.startswith(way.value, start):
            edits = (Edit(start, start, f"{way.value}("), Edit(end, end, ")"))
            plan.change(said, *edits, uses=way.part)
        return True
    if way in (OPENAI, ASYNC_OPENAI):
        _placeholder(plan, call)
    return _argue(plan, call, way, said)


def _wrapped(tree: Tree, call: cst.Call, by: str) -> bool:
    around = tree.parent(tree.parent(call) or call)
    return isinstance(around, cst.Call) and last_name(around) == by


def _placeholder(plan: Plan, call: cst.Call) -> None:
    """The OpenAI client is not made without some key; the helper replaces a placeholder."""
    given = next((arg.value for arg in call.args if _is(arg, "api_key")), None)
    line = plan.tree.range(call).start.line
    said = f"line {line}: the client is made without a key, too"
    if given is None:
        plan.change(said, added(plan.tree, call, f'api_key="{_NO_KEY}"'))
        return
    text = plan.tree.code(given)
    if _NO_KEY not in text and not isinstance(given, cst.SimpleString):
        start, end = plan.tree.span(given)
        plan.change(said, Edit(start, start, "("), Edit(end, end, f') or "{_NO_KEY}"'))
    elif text in ('""', "''"):
        plan.change(said, Edit(*plan.tree.span(given), f'"{_NO_KEY}"'))


def _is(arg: cst.Arg, name: str) -> bool:
    return arg.keyword is not None and arg.keyword.value == name


def _argue(plan: Plan, call: cst.Call, way: Way, said: str) -> bool:
    given = next((arg for arg in call.args if _is(arg, way.name)), None)
    if given is None:
        value = f"[{way.value}]" if way.kind == "list" else way.value
        plan.change(said, added(plan.tree, call, f"{way.name}={value}"), uses=way.part)
        return True
    start, end = plan.tree.span(given.value)
    before = plan.tree.text[start:end]
    if way.value in before:
        return True
    if before == "None":
        value = f"[{way.value}]" if way.kind == "list" else way.value
    elif way.kind == "list":
        value = f"[*({before}), {way.value}]"
    else:
        plan.leave(
            f"line {plan.tree.range(call).start.line}: {way.name}= is taken already; "
            f"let what it names call {way.value}"
        )
        return False
    plan.change(said, Edit(start, end, value), uses=way.part)
    return True


def added(tree: Tree, call: cst.Call, argument: str) -> Edit:
    """One more argument at the end of a call, on a line of its own where the last one is."""
    if not call.args:
        _, end = tree.span(call)
        return Edit(end - 1, end - 1, argument)
    start, end = tree.span(call.args[-1])
    line_start = max(tree.text.rfind("\n", 0, start), tree.text.rfind("\r", 0, start)) + 1
    indent = tree.text[line_start:start]
    rest = tree.text[end:].split("\n", 1)[0].strip()
    alone = not indent.strip() and rest in ("", ",")
    gap = newline_of(tree.text) + indent if alone else " "
    return Edit(end, end, f",{gap}{argument}")
