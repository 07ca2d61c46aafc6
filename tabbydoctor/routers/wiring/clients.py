"""Giving the key to the HTTP clients and calls that reach TabbyAPI."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal

import libcst as cst

from tabbydoctor.records import dataclass
from tabbydoctor.routers import Call
from tabbydoctor.routers.probes import is_open
from tabbydoctor.routers.wiring.block import ASKING
from tabbydoctor.routers.wiring.plan import WiringPlan
from tabbydoctor.routers.wiring.source import Edit, Tree, argument, last_name, newline_of


@dataclass(frozen=True, slots=True)
class Way:
    """How one kind of call is given the key: by an argument, or by wrapping a part of it."""

    value: str
    """The argument, or the function that wraps."""
    name: str = ""
    """The argument's name."""
    listed: bool = False
    """Whether the argument is a list of such values."""
    wraps: Literal["", "call", "function", "first"] = ""
    """What is wrapped: the whole call, the function that is called, its first argument."""


AUTH = Way("_tabby_auth", "auth")
SESSION = Way("_tabby_session", wraps="call")
OPENAI = Way("_tabby_http()", "http_client")
ASYNC_OPENAI = Way("_tabby_async_http()", "http_client")
LITELLM = Way("_tabby_litellm", wraps="function")
OPENER = Way("_tabby_opener", wraps="call")
HANDED = Way("_tabby_handed", wraps="function")
"""A function of httpx, requests or urllib that is not called here, but handed on."""
_CLIENTS = {
    AUTH: "httpx.AsyncClient httpx.Client",
    SESSION: "requests.Session requests.session requests.sessions.Session",
    OPENAI: "openai.OpenAI",
    ASYNC_OPENAI: "openai.AsyncOpenAI",
    LITELLM: "litellm.Router litellm.router.Router",
    Way("_tabby_trace()", "trace_configs", listed=True): (
        "aiohttp.ClientSession aiohttp.client.ClientSession"
    ),
    OPENER: "urllib.request.build_opener urllib.request.OpenerDirector",
    Way("_tabby_connection", wraps="call"): (
        "http.client.HTTPConnection http.client.HTTPSConnection"
    ),
}
CLIENTS = {name: way for way, names in _CLIENTS.items() for name in names.split()}
_VERBS = ("get", "post", "put", "delete", "head", "options", "patch", "request")
_LITELLM = ("completion", "text_completion", "embedding", "responses", "completion_with_retries")
FUNCTIONS = {
    **{f"{module}.{verb}": AUTH for module in ("httpx", "requests") for verb in _VERBS},
    **dict.fromkeys(("httpx.stream", "requests.api.request"), AUTH),
    "urllib.request.urlopen": Way("_tabby_request", wraps="first"),
    "aiohttp.request": Way("_tabby_aiohttp", wraps="function"),
    "litellm.batch_completion": LITELLM,
    **{f"litellm.{way}{name}": LITELLM for way in ("", "a") for name in _LITELLM},
}
_NAMED = {
    **{name: way if way.wraps == "function" else HANDED for name, way in FUNCTIONS.items()},
    **{name: way for name, way in CLIENTS.items() if way is LITELLM},
}
_BESIDE = "_tabby_beside"
_NO_KEY, _URLOPEN = "not-needed", "urllib.request.urlopen"
_SENDERS = {*_VERBS, *(name.rpartition(".")[2] for name in FUNCTIONS)}


def needs_key(call: Call, even_with_own: bool) -> bool:
    """Whether a call is to be given the key: not if it sends one of its own, or needs none."""
    open_probe = call.method in ("GET", "HEAD") and bool(call.path) and is_open(call.path)
    return (even_with_own or call.sends_key is not True) and not open_probe


def wire_call(plan: WiringPlan, call: Call) -> bool:
    """Give one call the key where it, or the client that sends it, is made. False: no place."""
    tree = plan.tree
    if tree.call(call.line, call.column, lambda name: name in ASKING):
        return True
    direct = tree.call(call.line, call.column, lambda name: name in _SENDERS)
    way = _way(tree, direct.func, FUNCTIONS) if direct is not None else None
    if direct is not None and way is not None:
        return _give(plan, direct, way)
    if call.library == "urllib":
        return _wire_urlopen(plan, call)
    unknown = call.library == "unknown"
    made = [each for at in call.constructors for each in tree.calls.get((at.line, at.column), [])]
    found = _with_ways(tree, made)
    if not found and not call.constructors:
        names = {name for name in CLIENTS if unknown or name.startswith(call.library)}
        clients = [each for each in tree.nodes(cst.Call) if tree.names(each.func) & names]
        found = _with_ways(tree, clients)
    done = [_give(plan, each, way) for each, way in found]
    if done:
        return all(done)
    return _wire_named(plan, "" if unknown else call.library) or call.made_elsewhere


def wire_made(plan: WiringPlan, line: int, column: int) -> bool:
    """Give the key to a client that is made at one place. False: no such."""
    found = _with_ways(plan.tree, plan.tree.calls.get((line, column), []))
    done = [_give(plan, each, way) for each, way in found]
    return bool(done) and all(done)


def wire_every(plan: WiringPlan) -> bool:
    """Give the key to every client made and every call sent here, whatever they reach.

    For a source whose calls cannot be followed: the helper itself looks where each one goes.
    """
    calls = plan.tree.nodes(cst.Call)
    sent = [(each, way) for each in calls if (way := _way(plan.tree, each.func, FUNCTIONS))]
    done = [_give(plan, each, way) for each, way in [*sent, *_with_ways(plan.tree, calls)]]
    return all(done) if done else _wire_named(plan, "")


def _way(tree: Tree, function: cst.CSTNode, ways: Mapping[str, Way]) -> Way | None:
    return next((ways[name] for name in sorted(tree.names(function)) if name in ways), None)


def _with_ways(tree: Tree, calls: Iterable[cst.Call]) -> list[tuple[cst.Call, Way]]:
    """Those that make a client, and how it is given the key."""
    return [(each, way) for each in calls if (way := _client_way(tree, each))]


def _client_way(tree: Tree, call: cst.Call) -> Way | None:
    """How a constructor is given the key; one of a subclass may take no such argument."""
    way = _way(tree, call.func, CLIENTS)
    if way is not None:
        starred = any(arg.star == "**" for arg in call.args)
        return SESSION if way is AUTH and starred else way
    for node in tree.nodes(cst.ClassDef):
        if node.name.value == last_name(call):
            bases = {name for base in node.bases for name in tree.names(base.value)}
            if any(CLIENTS.get(base) in (AUTH, SESSION) for base in bases):
                return SESSION
    return None


def _wire_urlopen(plan: WiringPlan, call: Call) -> bool:
    """`urlopen` takes the request that was made ready at the call's place."""
    tree = plan.tree
    every = [node for node in tree.nodes(cst.Call) if _URLOPEN in tree.names(node.func)]
    beside = [node for node in every if tree.reaches(tree.function(node), call.line)]
    done = [_give(plan, node, FUNCTIONS[_URLOPEN]) for node in beside or every]
    made = [node for node in tree.nodes(cst.Call) if _way(tree, node.func, CLIENTS) is OPENER]
    done += [_give(plan, node, OPENER) for node in made]
    return all(done) if done else _wire_named(plan, "urllib")


def wire_litellm(plan: WiringPlan) -> None:
    """Give the key to LiteLLM's Routers, and to its calls whose address is told elsewhere.

    A Router asks many servers, and a call may be sent where a variable says: the helper looks.
    """
    tree = plan.tree
    told = re.search(r"litellm\.api_base|OPENAI_(API_BASE|BASE_URL)", tree.text)
    for call in tree.nodes(cst.Call):
        base = argument(call, "api_base") or argument(call, "base_url")
        routes = tree.names(call.func) & {*CLIENTS}
        unsure = base or told or routes or any(arg.star for arg in call.args)
        here = isinstance(base, cst.SimpleString)
        if unsure and not here and _way(tree, call.func, _NAMED) is LITELLM:
            _give(plan, call, LITELLM)


def _wire_named(plan: WiringPlan, library: str) -> bool:
    """Wrap a library's functions where they are handed on, to be called elsewhere."""
    tree = plan.tree
    done = False
    for node in [*tree.nodes(cst.Attribute), *tree.nodes(cst.Name)]:
        around, way = tree.parent(node), _way(tree, node, _NAMED)
        handed = getattr(around, "value", None) is node and not isinstance(around, cst.Attribute)
        if way and handed and any(name.startswith(library) for name in tree.names(node)):
            done = _wrap(plan, node, way)
    return done


def _give(plan: WiringPlan, call: cst.Call, way: Way) -> bool:
    """Plan the edit at one call; False where something of its own is in the way."""
    if way.wraps == "function":
        return _wrap(plan, call.func, way)
    if way.wraps:
        return _wrap(plan, call if way.wraps == "call" else call.args[0].value, way, call)
    if way in (OPENAI, ASYNC_OPENAI):
        _placeholder(plan, call)
    return _argue(plan, call, way)


def _said(plan: WiringPlan, call: cst.CSTNode) -> str:
    name = plan.tree.code(call.func if isinstance(call, cst.Call) else call)
    return f"line {plan.tree.line(call)}: {name}(…) sends the key to TabbyAPI"


def _wrap(plan: WiringPlan, node: cst.CSTNode, way: Way, call: cst.Call | None = None) -> bool:
    around = plan.tree.parent(plan.tree.parent(node) or node)
    if way.value not in (last_name(node), last_name(around)):
        start, end = plan.tree.span(node)
        edits = (Edit(start, start, f"{way.value}("), Edit(end, end, ")"))
        plan.change(_said(plan, call or node), *edits)
    return True


def _placeholder(plan: WiringPlan, call: cst.Call) -> None:
    """The OpenAI client is not made without some key; the helper replaces a placeholder."""
    given = argument(call, "api_key")
    said = f"line {plan.tree.line(call)}: the client is made without a key, too"
    if given is None:
        plan.change(said, added(plan.tree, call, f'api_key="{_NO_KEY}"'))
        return
    text = plan.tree.code(given)
    if _NO_KEY not in text and not isinstance(given, cst.SimpleString):
        start, end = plan.tree.span(given)
        plan.change(said, Edit(start, start, "("), Edit(end, end, f') or "{_NO_KEY}"'))
    elif text in ('""', "''"):
        plan.change(said, Edit(*plan.tree.span(given), f'"{_NO_KEY}"'))


def _argue(plan: WiringPlan, call: cst.Call, way: Way) -> bool:
    given = argument(call, way.name)
    value = f"[{way.value}]" if way.listed else way.value
    if given is None:
        argued = added(plan.tree, call, f"{way.name}={value}")
        plan.change(_said(plan, call), argued)
        return True
    before = plan.tree.code(given)
    if way.value in before or (way is AUTH and _BESIDE in before):
        return True
    if way.listed and before != "None":
        value = f"[*({before}), {way.value}]"
    elif way is AUTH and before != "None":
        start, end = _value_span(plan.tree, call, way.name)  # with the brackets of a tuple
        edits = Edit(start, start, f"{_BESIDE}("), Edit(end, end, ")")
        plan.change(_said(plan, call), *edits)
        return True
    elif before != "None":
        plan.leave(
            f"line {plan.tree.line(call)}: {way.name}= is taken already; "
            f"let what it names call {way.value}"
        )
        return False
    plan.change(_said(plan, call), Edit(*plan.tree.span(given), value))
    return True


def _value_span(tree: Tree, call: cst.Call, name: str) -> tuple[int, int]:
    """The offsets of what a call is given by a name."""
    given = (arg for arg in call.args if arg.keyword is not None and arg.keyword.value == name)
    start, end = tree.span(next(given))
    after = re.match(r"\w+\s*=\s*", tree.text[start:end])
    return start + (after.end() if after else 0), end


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
