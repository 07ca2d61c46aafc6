"""What calling a function of the marked block does. They are known, and so are not followed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from tabbydoctor.routers import machine, outgoing
from tabbydoctor.routers.evaluation import place_of
from tabbydoctor.routers.marked_block import VARIABLE, MarkedBlock
from tabbydoctor.routers.ranking import plain
from tabbydoctor.routers.urls import server, target
from tabbydoctor.routers.values import (
    NOTHING,
    SOMETHING,
    Client,
    Const,
    External,
    Instance,
    Marked,
    Prepared,
    Table,
    Unknown,
    Value,
)
from tabbydoctor.routers.world import Outcome

if TYPE_CHECKING:
    from tabbydoctor.routers.calls import Site


def known_functions(block: MarkedBlock) -> dict[str, list[Value]]:
    """Name -> value of each function in the block, as the module's names hold them."""
    key = Unknown(f"environment {VARIABLE}", line=block.line)
    if block.tokens_path:
        # Checked: the block takes the first of a list.
        key = Unknown(f"file {block.tokens_path}", ("api_key",), line=block.line, checked=True)
    served = block.addresses, block.overrides
    return {name: [Marked(name, key, *served)] for name in block.functions}


def call(function: Marked, site: Site) -> Iterator[Outcome]:
    """The results of calling one."""
    meaning = MEANINGS.get(function.name)
    result = meaning(function, site) if meaning else site.result()
    if isinstance(result, Iterator):
        yield from result
    else:
        yield result, site.world


def _key(function: Marked, site: Site) -> Value:
    return function.key


def _adding(function: Marked, site: Site) -> Value:
    """`_tabby_auth(request)`, `_tabby_trace()`: what adds the key to requests."""
    return function


def _own_client(function: Marked, site: Site) -> Value:
    return Client("httpx", place_of(site.node), auth=function)


def _given_client(function: Marked, site: Site) -> Value:
    """`_tabby_session(client)`: the same client, which adds the key."""
    given = plain(site.argument(0) or SOMETHING)
    if isinstance(given, Instance):
        return given
    if not isinstance(given, Client):
        client = Client("unknown", place_of(site.node), auth=function)
        site.run.trace.clients.append(client)
        return client
    if given.auth != NOTHING:
        return given
    client = replace(given, auth=function)
    clients = site.run.trace.clients
    clients[:] = [client if each == given else each for each in clients]
    return client


def _request(function: Marked, site: Site) -> Value:
    """`_tabby_request(url)`: for urllib, a request with the key."""
    given = plain(site.argument(0) or SOMETHING)
    if isinstance(given, Prepared):
        return replace(given, auth=function)
    place = place_of(site.node)
    return Prepared(place, "urllib", Const("GET"), given, Table(), auth=function)


def _serves(function: Marked, site: Site) -> Iterator[Outcome]:
    """`_tabby_serves(url)`: known for a known server, else assumed both ways."""
    url = plain(site.argument(0) or SOMETHING)
    base = target(url).base
    if base:
        yield Const(server(base) in function.addresses), site.world
        return
    asked = Unknown(f"server of {site.node.lineno}:{site.node.col_offset}")
    for holds in (True, False):
        then = site.world.assume(asked, "serves", None, holds)
        if then:
            yield Const(holds), then


def _probe(function: Marked, site: Site) -> Iterator[Outcome]:
    """`_tabby_probe(client, url)`: GET /health, which needs no key, then the keyed request noted.

    Where the URL's server is not known it is TabbyAPI's: the block asks no other.
    """
    given = site.argument(0) or SOMETHING
    client = given if isinstance(given, Client) else Client(_module(given))
    url = outgoing.absolute(client.base, plain(site.argument(1) or SOMETHING))
    base = target(url).base or _first(function)
    asked: list[Value] = [Const(f"{base}/v1/models", hint=True)]
    keywords = {**site.keywords, "auth": function}
    yield from outgoing.method(
        client, "get", replace(site, arguments=asked, keywords=keywords), own=client is given
    )


def _module(value: Value) -> str:
    return outgoing.MODULES.get(value.name, "unknown") if isinstance(value, External) else "unknown"


def _first(function: Marked) -> str:
    return next((f"http://{host}:{port}" for host, port in sorted(function.addresses)), "")


def _kept(function: Marked, site: Site) -> Value:
    """`_tabby_kept(path, name, default)`: a setting as a file holds it."""
    machine.opened(site, site.argument(0), None)
    return site.result()


def _models(function: Marked, site: Site) -> Value:
    """`_tabby_models(url)`: GET /v1/models where the URL is TabbyAPI's."""
    url = plain(site.argument(0) or SOMETHING)
    base = target(url).base
    if base and server(base) not in function.addresses:
        return url
    return Const(f"{base or _first(function)}/v1/models", hint=True)


def _open(function: Marked, site: Site) -> Value:
    """`_tabby_open(path)`: the file, or the key in its place."""
    return Unknown("the marked block's file", line=site.line)


Meaning = Callable[[Marked, "Site"], Value | Iterator[Outcome]]
MEANINGS: Mapping[str, Meaning] = {
    "_tabby_key": _key,
    "_tabby_auth": _adding,
    "_tabby_trace": _adding,
    "_tabby_http": _own_client,
    "_tabby_async_http": _own_client,
    "_tabby_session": _given_client,
    "_tabby_connection": _given_client,
    "_tabby_request": _request,
    "_tabby_serves": _serves,
    "_tabby_probe": _probe,
    "_tabby_async_probe": _probe,
    "_tabby_kept": _kept,
    "_tabby_open": _open,
    "_tabby_models": _models,
}
