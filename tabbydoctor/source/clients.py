"""HTTP requests that leave a program: which calls send them, with which URL and headers."""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Iterable, Iterator, Mapping

from tabbydoctor.records import dataclass
from tabbydoctor.source.attributes import of_object, owner
from tabbydoctor.source.budget import MOST_SENT, REQUESTS, cut
from tabbydoctor.source.engine import Engine, EvaluatedCall
from tabbydoctor.source.guards import ALWAYS, Guard, both
from tabbydoctor.source.secret_names import is_secret
from tabbydoctor.source.seen import Handed, Sent
from tabbydoctor.source.targets import put_one
from tabbydoctor.source.values import (
    NONE,
    NOTHING,
    WHATEVER,
    Client,
    Const,
    Dict,
    Function,
    Known,
    List,
    Object,
    Place,
    Request,
    Symbol,
    Text,
    Value,
    Values,
    first,
    likely_text,
    only,
    plain,
    text_of,
)


@dataclass(frozen=True, slots=True)
class Constructor:
    """How a library's client is made."""

    library: str
    base: str = ""
    """The argument that is its base URL."""
    position: int = -1
    """Where that stands without its name."""
    headers: str = "headers"


CONSTRUCTORS: Mapping[str, Constructor] = {
    "httpx.AsyncClient": Constructor("httpx", "base_url"),
    "httpx.Client": Constructor("httpx", "base_url"),
    "requests.Session": Constructor("requests"),
    "requests.session": Constructor("requests"),
    "requests.sessions.Session": Constructor("requests"),
    "aiohttp.ClientSession": Constructor("aiohttp", "base_url", 0),
    "aiohttp.client.ClientSession": Constructor("aiohttp", "base_url", 0),
    "openai.AsyncOpenAI": Constructor("openai", "base_url", headers="default_headers"),
    "openai.OpenAI": Constructor("openai", "base_url", headers="default_headers"),
    "http.client.HTTPConnection": Constructor("http.client"),
    "http.client.HTTPSConnection": Constructor("http.client"),
    "tornado.httpclient.AsyncHTTPClient": Constructor("tornado"),
    "tornado.httpclient.HTTPClient": Constructor("tornado"),
}
MODULES = {
    "httpx": "httpx", "requests": "requests", "requests.api": "requests", "aiohttp": "aiohttp"
}  # fmt: skip
VERBS = {"get", "post", "put", "delete", "head", "options", "patch"}
SENDERS = VERBS | {"request", "stream", "ws_connect"}
WRAPPED = "*auth"
"""The argument by which a function is known to be wrapped by what adds a header."""
BODIES = ("json", "data", "content", "body", "files")
_HEADERS = ("header", "headers", "extra_headers", "additional_headers", "default_headers", "auth")
_CARRIERS = {"send", "sendall", "send_bytes", "send_json", "send_str", "send_text", "connect"}
"""Methods of what is unknown that send what they are given."""
_OWN_BUSINESS = ("add_", "bind", "log", "debug", "info", "warn", "error", "exception", "critical")
"""How methods begin, of applications and loggers, that send nothing."""
OPENAI_PATHS = {
    "chat.completions.create": ("POST", "/chat/completions"),
    "chat.completions.stream": ("POST", "/chat/completions"),
    "chat.completions.parse": ("POST", "/chat/completions"),
    "completions.create": ("POST", "/completions"),
    "embeddings.create": ("POST", "/embeddings"),
    "responses.create": ("POST", "/responses"),
    "models.list": ("GET", "/models"),
    "models.retrieve": ("GET", "/models"),
}
LITELLM_PATHS = {
    "completion": "/chat/completions",
    "acompletion": "/chat/completions",
    "text_completion": "/completions",
    "atext_completion": "/completions",
    "embedding": "/embeddings",
    "aembedding": "/embeddings",
    "responses": "/responses",
    "aresponses": "/responses",
}
_QUIET = {
    "aiofiles", "aiohttp", "anyio", "attr", "attrs", "authlib", "backoff", "bcrypt", "box",
    "cachetools", "click", "colorama", "cryptography", "dacite", "decouple", "dotenv",
    "dynaconf", "environs", "fastapi", "flask", "gunicorn", "httpx", "httpx_auth", "hypercorn",
    "itsdangerous", "jinja2", "jose", "jwt", "loguru", "markupsafe", "marshmallow", "msgspec",
    "multidict", "munch", "nacl", "numpy", "omegaconf", "openai", "orjson", "passlib",
    "prometheus_client", "psutil", "pydantic", "pydantic_core", "pydantic_settings", "quart",
    "requests", "requests_auth", "rich", "ruamel", "sanic", "simplejson", "slowapi",
    "starlette", "structlog", "tenacity", "toml", "tomlkit", "tornado", "tqdm", "typer",
    "typing_extensions", "ujson", "uvicorn", "werkzeug", "yaml", "yarl",
}  # fmt: skip
"""Modules that send nowhere what they are given, but for `_SENDING` and what is followed."""
_SENDING = re.compile(
    r"(subprocess|socket|smtplib|ftplib|imaplib|poplib|telnetlib|xmlrpc|http\.client)\.|"
    r"urllib\.request\.|os\.(system|popen|exec\w+|spawn\w+|posix_spawnp?)$|"
    r"asyncio\.(create_subprocess_\w+|subprocess\.\w+)$|httpx\.Request$"
)
_KEEPING = re.compile(r"redact|mask|hash|digest|compare|hide|quote|encode|^log|[a-z]log", re.I)
"""Names of functions that send nothing, whatever module they are of."""
_KEPT = ("base", "headers", "auth", "by")
_LOOKED_AT = 200
"""How many values are looked at for one."""


def keeps(name: str) -> bool:
    """Whether a function of a library, by its dotted name, sends nowhere what it is given."""
    if _SENDING.match(name):
        return False
    module, _, function = name.rpartition(".")
    top = module.partition(".")[0]
    known = top == "builtins" or top in sys.stdlib_module_names or top in _QUIET
    return known or bool(_KEEPING.search(function))


# --- clients that are made -----------------------------------------------------------------------


def construct(name: str, call: EvaluatedCall) -> Client:
    """The client that a constructor makes."""
    run, how, given = call.run, CONSTRUCTORS[name], call.keywords
    base = call.values(how.position, how.base) if how.base else None
    slots: dict[str, Values] = {
        "base": base or only(Const("")),
        "headers": given.get(how.headers, only(Dict())),
        "auth": _added_by(given),
    }
    if how.library == "http.client":
        scheme = "https" if name.endswith("HTTPSConnection") else "http"
        host, port = call.values(0, "host") or WHATEVER, call.values(1, "port")
        base = run.pairs(only(Const(f"{scheme}://")), host, text_of)
        if port and port != NONE:
            tail = run.pairs(only(Const(":")), port, text_of)
            base = run.pairs(base, tail, text_of)
        slots["base"] = base
    elif how.library == "openai":
        slots["by"] = given.get("http_client", NONE)
        slots["auth"] = given.get("api_key") or run.variable(
            "OPENAI_API_KEY", call.node, None, asked=False
        )
        if first(slots["base"]) in (Const(""), NOTHING):
            slots["base"] = run.variable("OPENAI_BASE_URL", call.node, None, asked=False)
    made = Client(how.library, call.place, name, **slots)
    if len(run.seen.clients) < MOST_SENT:
        run.seen.clients[made] = None
    else:
        cut(REQUESTS)
    return made


def _added_by(given: Mapping[str, Values]) -> Values:
    """What may add a header to each request of a client."""
    for name in ("auth", "transport", "connector_auth"):
        if (values := given.get(name)) and values != NONE:
            return values
    hooks = first(given["event_hooks"]) if "event_hooks" in given else None
    on_request = hooks.slots.get("request") if isinstance(hooks, Dict) else None
    traces = first(given["trace_configs"]) if "trace_configs" in given else None
    if isinstance(traces, List) and any(
        isinstance(value, Known) for each in traces.items for _, value in each
    ):
        return only(traces)
    added = on_request or given.get("middlewares") or NONE
    filled = isinstance(first(added), List) and first(added).slots  # type: ignore[union-attr]
    return added if filled else NONE


# --- functions of modules ------------------------------------------------------------------------


def by_name(name: str, call: EvaluatedCall) -> Values | None:
    """The outcome of `requests.get(…)` and its kin; None for a function that sends nothing."""
    if name in CONSTRUCTORS:
        return only(construct(name, call))
    if name == "litellm.Router":
        return only(_litellm_router(call))
    module, _, verb = name.rpartition(".")
    if module in MODULES and verb in SENDERS and (module != "aiohttp" or verb == "request"):
        return _request(None, MODULES[module], verb, call)
    if name == "urllib.request.urlopen":
        return _urlopen(call)
    if name in _PREPARED:
        if name == "httpx.Request":
            hand(call)
        return only(_prepared(name, call))
    if module == "litellm" and verb in LITELLM_PATHS:
        return _litellm(verb, call)
    return None


def method(client: Client, name: str, call: EvaluatedCall) -> Values:  # noqa: C901 - one case a kind
    """A method of a client."""
    if client.library == "openai":
        return _openai(client, name, call)
    if client.library == "litellm":
        return _completed(client, name, call) if name in LITELLM_PATHS else call.result()
    name = name.rpartition(".")[2]
    if name == "__init__":  # of a class that derives from it
        made = construct(client.made, call)
        call.run.seen.clients.pop(made, None)
        for slot, values in made.slots.items():
            call.run.memory.write(client, slot, values)
        return NONE
    if client.library == "http.client" and name in ("request", "putrequest"):
        url = _joined(call, client.slots["base"], call.values(1, "url") or WHATEVER)
        headers = call.values(3, "headers") or only(Dict())
        verb = call.values(0, "method") or WHATEVER
        body = len(call.arguments) > 2 or "body" in call.keywords
        record(call, "http.client", call.place, verb, url, headers, client=client, body=body)
        call.run.memory.write(client, "answer", only(_answer(call.place)))
        return only(_answer(call.place))
    if client.library == "http.client":
        if name == "putheader" and call.text(0):
            put_one(call.run, first(client.slots["headers"]), call.value(0), call.values(1) or ())
        return client.slots.get("answer") or call.result()
    if name == "fetch":
        return _fetch(client, call)
    if name in SENDERS or name == "build_request":
        return _request(client, client.library, name, call)
    if name == "send":
        return call.run.each(call.values(0, "request") or WHATEVER, lambda prepared: (
            _send(client, prepared, call) if isinstance(prepared, Request) else call.result()
        ))  # fmt: skip
    if name == "prepare_request":
        return call.values(0, "request") or call.result()
    if name in ("__aenter__", "__enter__"):
        return only(client)
    return NONE if name in ("close", "aclose") else call.result()


def _answer(place: Place) -> Symbol:
    return Symbol(f"answer {place.file}:{place.line}:{place.column}", place=place)


def _request(client: Client | None, library: str, name: str, call: EvaluatedCall) -> Values:
    explicit = name in ("request", "stream", "build_request")
    verb = only(Const(name.upper()))
    if explicit:
        verb = call.values(0, "method") or WHATEVER
    shift = 1 if explicit and "method" not in call.keywords else 0
    url = call.values(shift, "url") or WHATEVER
    whole = _joined(call, client.slots["base"], url) if client is not None else url
    headers = call.keywords.get("headers") or only(Dict())
    positional = len(call.arguments) > shift + 1
    body = positional or any(key in call.keywords for key in BODIES)
    place = call.place
    if name == "build_request":
        return only(Request(library, place, body, method=verb, url=whole, headers=headers))
    auth = call.keywords.get(WRAPPED) or call.keywords.get("auth") or NONE
    streams = name == "stream" or "stream" in call.keywords
    record(call, library, place, verb, whole, headers, auth, client, body, streams)
    return only(_answer(place))


def record(
    call: EvaluatedCall, library: str, place: Place, verb: Values, url: Values, headers: Values,
    auth: Values = NONE, client: Client | None = None, body: bool = False, streams: bool = False,
) -> None:  # fmt: skip
    """Note a request that is sent on the present path."""
    run = call.run
    if len(run.seen.sent) >= MOST_SENT:
        cut(REQUESTS)
        return
    run.seen.sent.append(
        Sent(place, library, verb, run.possible(url), _as_now(run.possible(headers)), _as_now(auth),
             _client_as_now(client) if client else None, body, streams, run.stack, run.path,
             _added(call, client, auth, verb, url, library), run.supposing)
    )  # fmt: skip


def _added(
    call: EvaluatedCall,
    client: Client | None,
    auth: Values,
    verb: Values,
    url: Values,
    library: str,
) -> Values:
    """The headers that hooks of the program add, each being called with the request."""
    hooks = auth if auth != NONE else (client.slots.get("auth") or NONE) if client else NONE
    found: list[tuple[Guard, Value]] = []
    run = call.run
    for guard, hook in hooks:
        path = both(run.path, guard)
        for function in _hooks(call, hook) if path is not None else ():
            headers = Dict()
            request = Request(library, call.place, False, method=verb, url=url,
                              headers=only(headers))  # fmt: skip
            kept, run.path = run.path, path or ALWAYS
            run.called(function, call.giving(only(request)))
            run.path = kept
            if headers.slots:
                found.append((guard, Dict(dict(headers.slots))))
    return tuple(found)


def _hooks(call: EvaluatedCall, hook: Value) -> list[Value]:
    """The functions of the program that an `auth=`, a list of hooks or an object calls."""
    match hook:
        case Function():
            return [hook]
        case List():
            return [each for values in hook.items for _, value in values
                    for each in _hooks(call, value)]  # fmt: skip
        case Object():
            for name in ("auth_flow", "sync_auth_flow", "async_auth_flow", "__call__"):
                found = of_object(call.run, hook, name, call.node)
                functions = [value for _, value in found if isinstance(value, Function)]
                if functions:
                    return list(functions)
    return []


def _as_now(values: Values) -> Values:
    """What may change afterwards, as it is now."""
    return tuple((guard, _value_as_now(value)) for guard, value in values)


def _value_as_now(value: Value) -> Value:
    match value:
        case Dict():
            return Dict(dict(value.slots))
        case Client():
            return _client_as_now(value)
        case List(more=more):
            return List(value.items, more)
    return value


def _client_as_now(client: Client) -> Client:
    slots = {name: _as_now(values) for name, values in client.slots.items() if name in _KEPT}
    return Client(client.library, client.place, client.made, **slots)


def _send(client: Client, prepared: Request, call: EvaluatedCall) -> Values:
    slots = prepared.slots
    auth = call.keywords.get("auth") or slots.get("auth") or NONE
    streams = "stream" in call.keywords
    url = _joined(call, client.slots["base"], slots["url"])
    record(call, prepared.library if client.library == "unknown" else client.library,
           prepared.place, slots["method"], url, slots["headers"], auth, client,
           prepared.body, streams)  # fmt: skip
    return only(_answer(prepared.place))


def _joined(call: EvaluatedCall, base: Values, url: Values) -> Values:
    return call.run.pairs(base, url, absolute)


def absolute(base: Value, url: Value) -> Value:
    """A URL laid on a client's base URL, as httpx and aiohttp do."""
    known = likely_text(url)
    starts = known or _head(url)
    if base in (Const(""), NOTHING) or starts.startswith(("http://", "https://")):
        return url
    if isinstance(url, Symbol) and not known:
        return url if likely_text(base) == "" else text_of(_bare(base), Const("/"), url)
    if isinstance(url, Text) and isinstance(url.parts[0], Symbol) and not known:
        return url
    return text_of(_bare(base), Const("" if starts.startswith("/") else "/"), url)


def _bare(base: Value) -> Value:
    value = plain(base)
    if isinstance(value, Const) and isinstance(value.value, str):
        return Const(value.value.rstrip("/"), value.marked)
    if isinstance(base, Symbol) and base.likely and isinstance(base.likely.value, str):
        return Const(base.likely.value.rstrip("/"), base.marked)
    return base


def _head(url: Value) -> str:
    one = url.parts[0] if isinstance(url, Text) else url
    text = likely_text(one)
    return text or ""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Where the arguments of a request that is made ready stand; -1: only by name."""

    library: str
    method: int = -1
    url: int = 0
    headers: int = 2


_PREPARED = {
    "requests.Request": _Prepared("requests", method=0, url=1),
    "httpx.Request": _Prepared("httpx", method=0, url=1, headers=-1),
    "tornado.httpclient.HTTPRequest": _Prepared("tornado", method=1),
    "urllib.request.Request": _Prepared("urllib"),
}


def _prepared(name: str, call: EvaluatedCall) -> Request:
    how = _PREPARED[name]
    body = any(key in call.keywords for key in BODIES)
    if how.library == "urllib":
        body = (call.values(1, "data") or NONE) != NONE
    usual = "POST" if body and how.library == "urllib" else "GET"
    return Request(
        how.library, call.place, body,
        method=call.values(how.method, "method") or only(Const(usual)),
        url=call.values(how.url, "url") or WHATEVER,
        headers=call.values(how.headers, "headers") or only(Dict()),
    )  # fmt: skip


def _urlopen(call: EvaluatedCall) -> Values:
    def opened(target: Value) -> Values:
        request = target if isinstance(target, Request) else Request(
            "urllib", call.place, False,
            method=only(Const("GET")), url=only(target), headers=only(Dict()),
        )  # fmt: skip
        slots, data = request.slots, (call.values(1, "data") or NONE) != NONE
        auth = call.keywords.get(WRAPPED) or slots.get("auth") or NONE
        record(call, "urllib", request.place, only(Const("POST")) if data else slots["method"],
               slots["url"], slots["headers"], auth, None, request.body or data)  # fmt: skip
        return only(raising(call.run, _answer(request.place)))

    return call.run.each(call.values(0, "url") or WHATEVER, opened)


def raising(run: Engine, answer: Symbol) -> Symbol:
    """The answer to a request of a library that raises on an error status."""
    fine = ((*answer.name, "ok"), "true", None, True)
    run.path = both(run.path, frozenset({fine})) or run.path
    return answer


def _fetch(client: Client, call: EvaluatedCall) -> Values:
    """Tornado: `await client.fetch(url_or_request, …)`, which raises on an error status."""

    def fetched(target: Value) -> Values:
        request = target if isinstance(target, Request) else Request(
            "tornado", call.place, "body" in call.keywords,
            method=call.keywords.get("method") or only(Const("GET")), url=only(target),
            headers=call.keywords.get("headers") or only(Dict()),
        )  # fmt: skip
        slots = request.slots
        record(call, "tornado", call.place, slots["method"], slots["url"], slots["headers"],
               NONE, client, request.body)  # fmt: skip
        quiet = first(call.keywords.get("raise_error") or WHATEVER) == Const(False)
        answer = _answer(call.place)
        return only(answer if quiet else raising(call.run, answer))

    return call.run.each(call.values(0, "request") or WHATEVER, fetched)


def request_method(request: Request, name: str, call: EvaluatedCall) -> Values:
    """Methods of a request made ready: `add_header` changes it."""
    if name in ("add_header", "add_unredirected_header"):
        headers = first(request.slots["headers"])
        if not isinstance(headers, Dict):
            headers = Dict()
            call.run.memory.write(request, "headers", only(headers))
        put_one(call.run, headers, call.value(0), call.values(1) or WHATEVER)
        return NONE
    return only(request)


def _openai(client: Client, path: str, call: EvaluatedCall) -> Values:
    """A call of the OpenAI client, for example `client.chat.completions.create(…)`."""
    run = call.run
    for part in ("with_raw_response.", "with_streaming_response.", "beta."):
        path = path.replace(part, "")
    if path in ("with_options", "copy", "__aenter__", "__enter__"):
        given = call.keywords
        changed = {"auth": "api_key", "base": "base_url", "headers": "default_headers"}
        slots = {
            slot: given[name] if name in given else client.slots[slot]
            for slot, name in changed.items()
        }
        made = Client("openai", client.place, client.made, by=client.slots["by"], **slots)
        run.seen.clients[made] = None
        return only(made if path != "__aenter__" else client)
    known = OPENAI_PATHS.get(path)
    if known is None:
        if path in ("get", "post") and call.arguments:
            known = (path.upper(), call.text(0) or "")
        else:
            return call.result()
    verb, tail = known
    url = run.pairs(client.slots["base"], only(Const(tail)), lambda a, b: text_of(_bare(a), b))
    headers = call.keywords.get("extra_headers") or only(Dict())
    record(call, "openai", call.place, only(Const(verb)), url, headers, NONE, client,
           verb == "POST")  # fmt: skip
    return only(raising(run, _answer(call.place)))


def _litellm(verb: str, call: EvaluatedCall) -> Values:
    """`litellm.completion(model=…, api_base=…)`."""
    run, given = call.run, call.keywords
    base = given.get("base_url") or given.get("api_base") or run.remembered(("litellm", "api_base"))
    if base is None or first(base) == NOTHING:
        base = run.variable("OPENAI_BASE_URL", call.node, None, asked=False)
        if likely_text(first(base)) is None:
            base = run.variable("OPENAI_API_BASE", call.node, None, asked=False)
    key = given.get("api_key") or run.remembered(("litellm", "api_key")) or NONE
    slots = {"base": base, "auth": key, "headers": only(Dict()), "by": NONE}
    client = Client("openai", call.place, "litellm", **slots)
    return _completed(client, verb, call)


def _completed(client: Client, verb: str, call: EvaluatedCall) -> Values:
    tail = only(Const(LITELLM_PATHS[verb]))
    url = call.run.pairs(client.slots["base"], tail, lambda a, b: text_of(_bare(a), b))
    own = "api_key" in call.keywords  # which the headers stand beside
    headers = None if own else call.keywords.get("extra_headers")
    auth = call.keywords.get(WRAPPED) or client.slots.get("hook") or NONE
    record(call, "litellm", call.place, only(Const("POST")), url, headers or only(Dict()),
           auth, client, True)  # fmt: skip
    return only(raising(call.run, _answer(call.place)))


def _litellm_router(call: EvaluatedCall) -> Client:
    """`litellm.Router(model_list=[{"litellm_params": {"api_base": …}}])`: any of its servers."""
    base: list[tuple[Guard, Value]] = []
    keys: list[tuple[Guard, Value]] = []
    models = first(call.values(0, "model_list") or WHATEVER)
    for number, each in enumerate(models.items if isinstance(models, List) else ()):
        entry = first(each)
        given = (
            first(entry.slots.get("litellm_params", NONE)) if isinstance(entry, Dict) else NOTHING
        )
        chosen = frozenset({(("deployment", str(id(call.node))), "==", number, True)})
        if isinstance(given, Dict):
            base.append((chosen, first(given.slots.get("api_base") or NONE)))
            keys.append((chosen, first(given.slots.get("api_key") or NONE)))
    slots = {"base": tuple(base) or WHATEVER, "auth": tuple(keys) or NONE}
    slots["hook"] = call.keywords.get(WRAPPED) or NONE
    made = Client("litellm", call.place, "litellm.Router", headers=only(Dict()), by=NONE, **slots)
    call.run.seen.clients[made] = None
    return made


# --- what is unknown, and what is handed on ------------------------------------------------------


def looks_sent(base: Value, name: str, call: EvaluatedCall) -> bool:
    """Whether a method of something unknown is that of an HTTP client."""
    named = any(is_secret(word) or word in _HEADERS for word in call.keywords)
    if name in _CARRIERS or (named and not name.startswith(_OWN_BUSINESS)):
        hand(call)
    if name not in SENDERS:
        return False
    position = 1 if name in ("request", "stream") else 0
    url = call.value(position, "url")
    text = likely_text(url) or _head(url)
    if text.startswith(("http://", "https://")):
        return True
    options = {"headers", "json", "data", "content", "timeout", "params", "stream", "url"}
    return bool(options & set(call.keywords)) and bool(call.arguments or "url" in call.keywords)


def of_unknown(base: Symbol, name: str, call: EvaluatedCall) -> Values | None:
    """A request sent by a client that was handed in; None where it is none."""
    if name == "send" and isinstance(call.value(0), Request):
        return _send(_stranger(base), call.value(0), call)  # type: ignore[arg-type]
    if name == "build_request" and (call.arguments or call.keywords):
        return _request(_stranger(base), "httpx", name, call)
    if not looks_sent(base, name, call):
        return None
    return _request(_stranger(base), "unknown", name, call)


def _stranger(base: Symbol) -> Client:
    return Client("unknown", None, owner(base), base=only(Const("")), headers=only(Dict()),
                  auth=NONE, by=NONE)  # fmt: skip


def hand(call: EvaluatedCall) -> None:
    """Note the keys that are given to a call which is not followed, and may send them."""
    for each in _handed(call.everything(), call.place):
        call.run.seen.handed.setdefault(each)


def _handed(values: Iterable[Values], place: Place) -> Iterator[Handed]:
    flat = list(_flat(values))
    texts = tuple(text for each in flat if (text := likely_text(each)) and "://" in text)
    for value in flat:
        path = likely_text(value) or ""
        if path.startswith("/"):
            yield Handed(Symbol(f"file {posixpath.normpath(path)}"), place, texts)
        for part in value.parts if isinstance(value, Text) else (value,):
            if isinstance(part, Symbol) and part.root.startswith(("file ", "environment ")):
                yield Handed(part, place, texts)


def _flat(values: Iterable[Values]) -> Iterator[Value]:
    """What stands in lists and tables, however deep."""
    waiting = [value for each in values for _, value in each]
    for _ in range(_LOOKED_AT):
        if not waiting:
            break
        value = waiting.pop()
        if isinstance(value, List | Dict):
            waiting += [inner for each in value.slots.values() for _, inner in each]
        else:
            yield value
