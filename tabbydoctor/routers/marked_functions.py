"""What calling a function of the marked block does. They are known, and so are not followed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tabbydoctor.routers.marked_block import VARIABLE, MarkedBlock
from tabbydoctor.routers.urls import server, target
from tabbydoctor.source import clients, libraries
from tabbydoctor.source.engine import EvaluatedCall
from tabbydoctor.source.truth import boolean
from tabbydoctor.source.values import (
    FALSE,
    NONE,
    TRUE,
    WHATEVER,
    Client,
    Const,
    Dict,
    Known,
    Name,
    Object,
    Partial,
    Place,
    Request,
    Symbol,
    Value,
    Values,
    first,
    only,
)


class Marked(Known):
    """A function of the marked block in a wired router; as `auth`, what adds TabbyAPI's key."""

    __slots__ = ("addresses", "key", "overrides")

    def __init__(self, name: str, key: Symbol, block: MarkedBlock) -> None:
        meaning = MEANINGS.get(name)
        super().__init__(name, (lambda call: meaning(self, call)) if meaning else _result)
        self.key = key
        self.addresses = block.addresses
        """(host, port) of the servers that get the key."""
        self.overrides = block.overrides
        """Whether other keys give way to it."""


def known_functions(block: MarkedBlock, path: str) -> dict[str, Known]:
    """Name -> value of each function in the block, as the module's names hold them."""
    place = Place(path, block.line)
    key = Symbol(f"environment {VARIABLE}", place=place)
    if block.tokens_path:
        # Checked: the block takes the first of a list.
        key = Symbol(f"file {block.tokens_path}", ("api_key",), place=place, checked=True)
    return {name: Marked(name, key, block) for name in block.functions}


def _result(call: EvaluatedCall) -> Values:
    return call.result()


def _key(function: Marked, call: EvaluatedCall) -> Values:
    return only(function.key)


def _adding(function: Marked, call: EvaluatedCall) -> Values:
    """`_tabby_auth(request)`, `_tabby_trace()`: what adds the key to requests."""
    return only(function)


def _own_client(function: Marked, call: EvaluatedCall) -> Values:
    return only(_client("httpx", function, call.place))


def _client(library: str, function: Marked, place: Place | None) -> Client:
    return Client(
        library, place, base=only(Const("")), headers=only(Dict()), auth=only(function), by=NONE
    )


def _given_client(function: Marked, call: EvaluatedCall) -> Values:
    """`_tabby_session(client)`: the same client, which adds the key."""

    def given(value: Value) -> Values:
        if isinstance(value, Client):
            if value.slots.get("auth", NONE) == NONE:
                call.run.memory.write(value, "auth", only(function))
            return only(value)
        if isinstance(value, Object):
            return only(value)
        client = _client("unknown", function, call.place)
        call.run.seen.clients[client] = None
        return only(client)

    return call.run.each(call.values(0) or WHATEVER, given)


def _given_function(function: Marked, call: EvaluatedCall) -> Values:
    """`_tabby_litellm(acompletion)`: the same function, which adds the key."""
    adds = ((clients.WRAPPED, only(function)),)
    return tuple((guard, Partial(value, (), adds)) for guard, value in call.values(0) or WHATEVER)


def _request(function: Marked, call: EvaluatedCall) -> Values:
    """`_tabby_request(url)`: for urllib, a request with the key."""

    def given(value: Value) -> Values:
        if isinstance(value, Request):
            call.run.memory.write(value, "auth", only(function))
            return only(value)
        slots = {"method": only(Const("GET")), "url": only(value), "headers": only(Dict())}
        return only(Request("urllib", call.place, False, auth=only(function), **slots))

    return call.run.each(call.values(0) or WHATEVER, given)


def _serves(function: Marked, call: EvaluatedCall) -> Values:
    """`_tabby_serves(url)`: known for a known server, else assumed both ways."""

    def said(url: Value) -> Values:
        base = target(url).base
        if base:
            return only(TRUE if server(base) in function.addresses else FALSE)
        at = call.place
        asked = (f"server of {at.file}:{at.line}:{at.column}",)
        return boolean(call.run, asked, "serves", None, at.line)

    return call.run.each(call.values(0) or WHATEVER, said)


def _probe(function: Marked, call: EvaluatedCall) -> Values:
    """`_tabby_probe(client, url)`: GET /health, which needs no key, then the keyed request noted.

    Where the URL's server is not known it is TabbyAPI's: the block asks no other.
    """
    given = call.value(0)
    client = given if isinstance(given, Client) else None
    library = client.library if client else _module(given)

    def asked(url: Value) -> Value:
        if client is not None:
            url = clients.absolute(first(client.slots["base"]), url)
        base = target(url).base or _first(function)
        return Const(f"{base}/v1/models", marked=True)

    url = tuple((guard, asked(value)) for guard, value in call.values(1) or WHATEVER)
    clients.record(
        call, library, call.place, only(Const("GET")), url,
        call.keywords.get("headers") or only(Dict()), only(function), client,
    )  # fmt: skip
    at = call.place
    return only(Symbol(f"answer {at.file}:{at.line}:{at.column}", place=at))


def _module(value: Value) -> str:
    return clients.MODULES.get(value.name, "unknown") if isinstance(value, Name) else "unknown"


def _first(function: Marked) -> str:
    return next((f"http://{host}:{port}" for host, port in sorted(function.addresses)), "")


def _kept(function: Marked, call: EvaluatedCall) -> Values:
    """`_tabby_kept(path, name, default)`: a setting as a file holds it."""
    libraries.opened(call, call.value(0), None)
    return call.result()


def _models(function: Marked, call: EvaluatedCall) -> Values:
    """`_tabby_models(url)`: GET /v1/models where the URL is TabbyAPI's."""

    def given(url: Value) -> Values:
        base = target(url).base
        if base and server(base) not in function.addresses:
            return only(url)
        return only(Const(f"{base or _first(function)}/v1/models", marked=True))

    return call.run.each(call.values(0) or WHATEVER, given)


def _open(function: Marked, call: EvaluatedCall) -> Values:
    """`_tabby_open(path)`: the file, or the key in its place."""
    return only(Symbol("the marked block's file", place=call.place))


MEANINGS: Mapping[str, Callable[[Marked, EvaluatedCall], Values]] = {
    "_tabby_key": _key,
    "_tabby_auth": _adding,
    "_tabby_beside": _adding,
    "_tabby_trace": _adding,
    "_tabby_http": _own_client,
    "_tabby_async_http": _own_client,
    "_tabby_session": _given_client,
    "_tabby_connection": _given_client,
    "_tabby_opener": _given_client,
    "_tabby_aiohttp": _given_function,
    "_tabby_litellm": _given_function,
    "_tabby_handed": _given_function,
    "_tabby_request": _request,
    "_tabby_serves": _serves,
    "_tabby_probe": _probe,
    "_tabby_async_probe": _probe,
    "_tabby_kept": _kept,
    "_tabby_open": _open,
    "_tabby_models": _models,
}
