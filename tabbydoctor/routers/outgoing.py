"""HTTP requests that leave a router: which calls send them, with which URL and headers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from tabbydoctor.routers.assignment import put_at
from tabbydoctor.routers.budget import MOST_SENT, REQUESTS, cut
from tabbydoctor.routers.evaluation import place_of
from tabbydoctor.routers.keys import handed, is_secret
from tabbydoctor.routers.library import keeps
from tabbydoctor.routers.ranking import plain
from tabbydoctor.routers.trace import Sent
from tabbydoctor.routers.values import (
    NOTHING,
    SOMETHING,
    Client,
    Const,
    Items,
    Marked,
    Place,
    Prepared,
    Response,
    Table,
    Text,
    Unknown,
    Value,
    likely_text,
    text_of,
)
from tabbydoctor.routers.world import Outcome, World

if TYPE_CHECKING:
    from tabbydoctor.routers.calls import Site

CONSTRUCTORS = {
    "httpx.AsyncClient": "httpx",
    "httpx.Client": "httpx",
    "requests.Session": "requests",
    "requests.session": "requests",
    "requests.sessions.Session": "requests",
    "aiohttp.ClientSession": "aiohttp",
    "aiohttp.client.ClientSession": "aiohttp",
    "openai.AsyncOpenAI": "openai",
    "openai.OpenAI": "openai",
    "http.client.HTTPConnection": "http.client",
    "http.client.HTTPSConnection": "http.client",
}
MODULES = {"httpx": "httpx", "requests": "requests", "requests.api": "requests"}
VERBS = {"get", "post", "put", "delete", "head", "options", "patch"}
SENDERS = VERBS | {"request", "stream", "ws_connect"}
BODIES = ("json", "data", "content", "body", "files")
_HEADERS = ("header", "headers", "extra_headers", "additional_headers", "default_headers", "auth")
_CARRIERS = {"send", "sendall", "send_bytes", "send_json", "send_str", "send_text", "connect"}
"""Methods of what is unknown that send what they are given."""
_KEEPERS = ("add_", "bind", "log", "debug", "info", "warn", "error", "exception", "critical")
"""How methods begin, of applications and loggers, that send nothing."""
OPENAI_PATHS = {
    "chat.completions.create": ("POST", "/chat/completions"),
    "chat.completions.stream": ("POST", "/chat/completions"),
    "completions.create": ("POST", "/completions"),
    "embeddings.create": ("POST", "/embeddings"),
    "responses.create": ("POST", "/responses"),
    "models.list": ("GET", "/models"),
    "models.retrieve": ("GET", "/models"),
}


def construct(name: str, site: Site) -> Client:
    """The client that a constructor makes."""
    library, given = CONSTRUCTORS[name], site.keywords
    base = given.get("base_url", Const(""))
    headers = plain(given.get("headers", Table()))
    auth = _added_by(given)
    if library == "aiohttp" and site.arguments:
        base = site.arguments[0]
    elif library == "http.client":
        scheme = "https" if name.endswith("HTTPSConnection") else "http"
        host = plain(site.argument(0, "host") or SOMETHING)
        port = plain(site.argument(1, "port") or NOTHING)
        tail = (Const(":"), port) if port != NOTHING else ()
        base = text_of(Const(f"{scheme}://"), host, *tail)
    elif library == "openai":
        headers = plain(given.get("default_headers", Table()))
        unset = Unknown("environment OPENAI_API_KEY", line=site.line)
        auth = plain(given.get("api_key", unset))
        if base in (Const(""), NOTHING):
            base = site.run.environment("OPENAI_BASE_URL", site.line, None)
    made = Client(
        library,
        place_of(site.node),
        plain(base),
        headers,
        auth,
        by=given.get("http_client", NOTHING),
    )
    if len(site.run.trace.clients) < MOST_SENT:
        site.run.trace.clients.append(made)
    else:
        cut(REQUESTS)
    return made


def _added_by(given: dict[str, Value]) -> Value:
    """What may add a header to each request of a client."""
    for name in ("auth", "transport", "connector_auth"):
        if given.get(name, NOTHING) != NOTHING:
            return given[name]
    hooks = given.get("event_hooks")
    on_request = hooks.get(Const("request")) if isinstance(hooks, Table) else None
    traces = given.get("trace_configs")
    if isinstance(traces, Items) and any(isinstance(each, Marked) for each in traces.items):
        return traces
    middlewares = on_request or given.get("middlewares")
    if isinstance(middlewares, Items) and middlewares.items:
        return middlewares
    return NOTHING


def is_sender(name: str) -> bool:
    """Whether a library function sends a request: `requests.post`."""
    module, _, verb = name.rpartition(".")
    return module in MODULES and verb in SENDERS


def by_module(name: str, site: Site) -> Iterator[Outcome] | None:
    """The outcome of `requests.get(…)` and its kin; None for another function."""
    if is_sender(name):
        module, _, verb = name.rpartition(".")
        return method(Client(MODULES[module], None), verb, site, own=False)
    if name == "urllib.request.urlopen":
        return _urlopen(site)
    if name in ("urllib.request.Request", "requests.Request"):
        return iter([(_request(name, site), site.world)])
    if name in ("litellm.acompletion", "litellm.completion"):
        return _litellm(site)
    if not keeps(name):
        _hand(site)
    if name.startswith("socket."):  # what is sent by it is its own affair, not its address's
        return iter([(site.result(), site.world)])
    return None


def _hand(site: Site) -> None:
    """Note the keys that are given to a call which is not followed, and may send them."""
    for each in handed([*site.arguments, *site.keywords.values()], site.line):
        site.run.handed.setdefault(each)


def method(client: Client, name: str, site: Site, own: bool = True) -> Iterator[Outcome]:
    """A method of a client (or, with `own` false, a function of its module)."""
    place = place_of(site.node)
    if name in SENDERS and client.library == "http.client":
        url = text_of(client.base, plain(site.argument(1, "url") or SOMETHING))
        _note(site, client, place, site.argument(0, "method"), url, site.argument(3, "headers"))
        yield Response(place), site.world
    elif name in SENDERS or name == "build_request":
        yield from _request_by(client, name, site, own)
    elif name == "send":
        prepared = site.argument(0)
        if isinstance(prepared, Prepared):
            _send_prepared(client, prepared, site)
            yield Response(prepared.place), site.world
        else:
            yield site.result(), site.world
    elif name in ("prepare_request", "__aenter__", "__enter__", "with_options", "copy"):
        yield (site.argument(0) or client) if name == "prepare_request" else client, site.world
    elif name in ("getresponse",):
        yield Response(place), site.world
    else:
        yield NOTHING if name in ("close", "aclose") else site.result(), site.world


def _request_by(client: Client, name: str, site: Site, own: bool) -> Iterator[Outcome]:
    place = place_of(site.node)
    explicit = name in ("request", "stream", "build_request")
    verb: Value = Const(name.upper())
    if explicit:
        verb = plain(site.argument(0, "method") or SOMETHING)
    shift = 1 if explicit and "method" not in site.keywords else 0
    url = plain(site.argument(shift, "url") or SOMETHING)
    whole = absolute(client.base, url)
    headers = plain(site.keywords.get("headers", Table()))
    positional = len(site.arguments) > shift + 1
    body = positional or any(key in site.keywords for key in BODIES)
    if name == "build_request":
        yield Prepared(place, client.library, verb, whole, headers, body), site.world
        return
    used = client if own else None
    auth = site.keywords.get("auth", NOTHING)
    streams = name == "stream" or "stream" in site.keywords
    _record(site, client.library, place, verb, whole, headers, auth, used, body, streams)
    yield Response(place), site.world


def _record(
    site: Site,
    library: str,
    place: Place,
    verb: Value,
    url: Value,
    headers: Value,
    auth: Value,
    client: Client | None,
    body: bool,
    streams: bool,
) -> None:
    if len(site.run.trace.sent) >= MOST_SENT:
        cut(REQUESTS)
        return
    site.run.trace.sent.append(
        Sent(
            place,
            library,
            verb,
            url,
            headers,
            auth,
            client,
            body,
            streams,
            site.run.stack,
            site.world.with_(names={}, globals={}, result=NOTHING),
        )
    )


def _note(
    site: Site, client: Client, place: Place, verb: Value | None, url: Value, headers: Value | None
) -> None:
    body = len(site.arguments) > 2 or "body" in site.keywords
    _record(
        site,
        client.library,
        place,
        plain(verb or SOMETHING),
        url,
        plain(headers or Table()),
        NOTHING,
        client,
        body,
        False,
    )


def _send_prepared(client: Client, request: Prepared, site: Site) -> None:
    _record(
        site,
        client.library,
        request.place,
        request.method,
        request.url,
        request.headers,
        site.keywords.get("auth", request.auth),
        client,
        request.body,
        "stream" in site.keywords,
    )


def absolute(base: Value, url: Value) -> Value:
    """A URL laid on a client's base URL, as httpx and aiohttp do."""
    known = likely_text(url)
    starts = known or _head(url)
    if starts.startswith(("http://", "https://")) or base == Const(""):
        return url
    if isinstance(url, Unknown) and not known:
        return url if _is_empty(base) else text_of(_bare(base), Const("/"), url)
    if isinstance(url, Text) and isinstance(url.parts[0], Unknown):
        return url
    return text_of(_bare(base), Const("" if starts.startswith("/") else "/"), url)


def _is_empty(base: Value) -> bool:
    return likely_text(base) == ""


def _bare(base: Value) -> Value:
    if isinstance(base, Const) and isinstance(base.value, str):
        return Const(base.value.rstrip("/"), base.hint)
    return base


def _head(url: Value) -> str:
    first = url.parts[0] if isinstance(url, Text) else url
    return str(first.value) if isinstance(first, Const) else ""


def looks_sent(base: Value, name: str, site: Site) -> bool:
    """Whether a method of something unknown is that of an HTTP client."""
    if not isinstance(base, Unknown):
        return False
    named = any(is_secret(word) or word in _HEADERS for word in site.keywords)
    if name in _CARRIERS or (named and not name.startswith(_KEEPERS)):
        _hand(site)
    if name not in SENDERS:
        return False
    position = 1 if name in ("request", "stream") else 0
    url = plain(site.argument(position, "url") or NOTHING)
    text = likely_text(url) or _head(url)
    if text.startswith(("http://", "https://")):
        return True
    options = {"headers", "json", "data", "content", "timeout", "params", "stream", "url"}
    return bool(options & set(site.keywords)) and bool(site.arguments or "url" in site.keywords)


def openai(client: Client, site: Site) -> Iterator[Outcome]:
    """A call of the OpenAI client, for example `client.chat.completions.create(…)`."""
    path = client.path
    for part in ("with_raw_response.", "with_streaming_response.", "beta."):
        path = path.replace(part, "")
    if path in ("with_options", "copy", "__aenter__", "__enter__"):
        key = site.keywords.get("api_key")
        yield replace(client, path="", auth=key or client.auth), site.world
        return
    known = OPENAI_PATHS.get(path)
    if known is None:
        yield site.result(), site.world
        return
    verb, tail = known
    place = place_of(site.node)
    headers = plain(site.keywords.get("extra_headers", Table()))
    url = text_of(_bare(client.base), Const(tail))
    _record(
        site, "openai", place, Const(verb), url, headers, NOTHING, client, verb == "POST", False
    )
    yield Response(place), _raising(site)


def _litellm(site: Site) -> Iterator[Outcome]:
    place = place_of(site.node)
    base = plain(site.keywords.get("api_base", site.keywords.get("base_url", SOMETHING)))
    key = plain(site.keywords.get("api_key", NOTHING))
    client = Client("openai", place, base, auth=key)
    url = text_of(_bare(base), Const("/chat/completions"))
    _record(site, "litellm", place, Const("POST"), url, Table(), NOTHING, client, True, False)
    yield Response(place), site.world


def _request(name: str, site: Site) -> Prepared:
    place = place_of(site.node)
    if name == "requests.Request":
        verb = plain(site.argument(0, "method") or Const("GET"))
        url, headers = site.argument(1, "url"), site.argument(2, "headers")
        body = any(key in site.keywords for key in BODIES)
        library = "requests"
    else:
        url, headers = site.argument(0, "url"), site.argument(2, "headers")
        body = site.argument(1, "data") not in (None, NOTHING)
        verb = plain(site.keywords.get("method", Const("POST" if body else "GET")))
        library = "urllib"
    return Prepared(place, library, verb, plain(url or SOMETHING), plain(headers or Table()), body)


def _urlopen(site: Site) -> Iterator[Outcome]:
    target = site.argument(0, "url") or SOMETHING
    if not isinstance(target, Prepared):
        target = Prepared(place_of(site.node), "urllib", Const("GET"), plain(target), Table())
    if site.argument(1, "data") not in (None, NOTHING):
        target = replace(target, method=Const("POST"), body=True)
    _record(
        site,
        "urllib",
        target.place,
        target.method,
        target.url,
        target.headers,
        target.auth,
        None,
        target.body,
        False,
    )
    yield Response(target.place), _raising(site)


def _raising(site: Site) -> World:
    """The world after a request of a library that raises on an error status."""
    failed = site.run.answer is not None and site.run.answer >= 400
    return site.world.with_(judged=site.line, flow="raise" if failed else "")


def prepared(request: Prepared, name: str, site: Site) -> Iterator[Outcome]:
    """Methods of a request made ready: `add_header` changes it."""
    if name in ("add_header", "add_unredirected_header") and site.receiver is not None:
        headers = request.headers if isinstance(request.headers, Table) else Table()
        key, value = plain(site.argument(0) or SOMETHING), plain(site.argument(1) or SOMETHING)
        changed = replace(request, headers=headers.put(key, value))
        for then in put_at(site.run, site.receiver, changed, site.world):
            yield NOTHING, then
    else:
        yield request, site.world
