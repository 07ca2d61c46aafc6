"""What the functions of the standard library (and of YAML readers) give a router."""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urljoin

from tabbydoctor.documents import whole_number
from tabbydoctor.routers import machine
from tabbydoctor.routers.assignment import elements
from tabbydoctor.routers.lookup import attribute
from tabbydoctor.routers.ranking import plain
from tabbydoctor.routers.values import (
    SOMETHING,
    Bound,
    Class,
    Const,
    External,
    Function,
    Items,
    Table,
    Text,
    Unknown,
    Value,
    likely_text,
    text_of,
)
from tabbydoctor.routers.world import Outcome

if TYPE_CHECKING:
    from tabbydoctor.routers.calls import Site

Effect: TypeAlias = "Callable[[Site], Value | Iterator[Outcome]]"


_KEEPERS = {
    "aiofiles", "aiohttp", "anyio", "attr", "attrs", "authlib", "backoff", "bcrypt", "box",
    "cachetools", "click", "colorama", "cryptography", "dacite", "decouple", "dotenv",
    "dynaconf", "environs", "fastapi", "flask", "gunicorn", "httpx", "httpx_auth", "hypercorn",
    "itsdangerous", "jinja2", "jose", "jwt", "loguru", "markupsafe", "marshmallow", "msgspec",
    "multidict", "munch", "nacl", "numpy", "omegaconf", "openai", "orjson", "passlib",
    "prometheus_client", "psutil", "pydantic", "pydantic_core", "pydantic_settings", "quart",
    "requests", "requests_auth", "rich", "ruamel", "sanic", "simplejson", "slowapi",
    "starlette", "structlog", "tenacity", "toml", "tomlkit", "tqdm", "typer",
    "typing_extensions", "ujson", "uvicorn", "werkzeug", "yaml", "yarl",
}  # fmt: skip
"""Modules that send nowhere what they are given, but for `_SENDERS` and what is followed."""
_SENDERS = re.compile(
    r"(subprocess|socket|smtplib|ftplib|imaplib|poplib|telnetlib|xmlrpc|http\.client)\.|"
    r"urllib\.request\.|os\.(system|popen|exec\w+|spawn\w+|posix_spawnp?)$|"
    r"asyncio\.(create_subprocess_\w+|subprocess\.\w+)$|httpx\.Request$|aiohttp\.request$"
)
_KEEPING = re.compile(r"redact|mask|hash|digest|compare|hide|quote|encode|^log|[a-z]log", re.I)
"""Names of functions that send nothing, whatever module they are of."""


def keeps(name: str) -> bool:
    """Whether a function of a library, by its dotted name, sends nowhere what it is given."""
    if _SENDERS.match(name):
        return False
    module, _, function = name.rpartition(".")
    top = module.partition(".")[0]
    known = top == "builtins" or top in sys.stdlib_module_names or top in _KEEPERS
    return known or bool(_KEEPING.search(function))


def _super(site: Site) -> Value:
    return Bound(site.run.receiver(site.world), "super")


def _getenv(site: Site) -> Value:
    name = likely_text(site.argument(0, "key") or SOMETHING)
    if name is None:
        return SOMETHING
    default = site.argument(1, "default")
    return site.run.environment(name, site.line, default)


def _path(site: Site) -> Value:
    parts: list[Value] = []
    for argument in site.arguments:
        absolute = (likely_text(plain(argument)) or "").startswith("/")
        parts = [argument] if not parts or absolute else [*parts, Const("/"), argument]
    return text_of(*(plain(part) for part in parts)) if parts else Const(".")


def _first(site: Site) -> Value:
    return site.argument(0) or site.result()


def _directory(site: Site) -> Value:
    text = likely_text(plain(site.argument(0) or SOMETHING))
    return SOMETHING if text is None else Const(posixpath.dirname(text))


def _url_joined(site: Site) -> Value:
    base, path = plain(site.argument(0) or SOMETHING), plain(site.argument(1) or SOMETHING)
    known, tail = likely_text(base), likely_text(path)
    if known is not None and tail is not None:
        return Const(urljoin(known, tail), getattr(base, "hint", False))
    return text_of(base, path)


def _gathered(site: Site) -> Value:
    return Items(tuple(site.arguments))


def _table(site: Site) -> Value:
    result = Table()
    for argument in site.arguments:
        argument = plain(argument)
        if isinstance(argument, Items):
            for pair in argument.items:
                if isinstance(pair, Items) and len(pair.items) == 2:
                    result = result.put(*pair.items)
        else:
            result = result.merged(argument)
    for key, value in site.keywords.items():
        result = result.put(Const(key), value)
    return result


def _listed(site: Site) -> Value:
    source = site.argument(0)
    if source is None:
        return Items()
    if isinstance(source, Table) and not source.rest:
        return Items(tuple(key for key, _ in source.items))
    return source


def _text(site: Site) -> Value:
    value = plain(site.argument(0) or Const(""))
    return text_of(value) if isinstance(value, Const | Text) else value


def _number(site: Site) -> Value:
    value = plain(site.argument(0) or SOMETHING)
    text = likely_text(value)
    if isinstance(value, Const) and isinstance(value.value, int):
        return value
    number = whole_number(text) if text is not None else None
    if number is not None:
        return Const(number, getattr(value, "hint", False))
    return value


def _is_instance(site: Site) -> Iterator[Outcome]:
    value, kind = plain(site.argument(0) or SOMETHING), site.argument(1)
    names = kind.items if isinstance(kind, Items) else (kind,)
    said = [each.name.rpartition(".")[2] for each in names if isinstance(each, External)]
    if isinstance(value, Unknown) and value.root and said:
        lists = any(name in ("list", "tuple", "Sequence") for name in said)
        for holds in (True, False):
            then = site.world.assume(value, "is-list", None, holds == lists)
            if then:
                yield Const(holds), then
        return
    if isinstance(value, Const) and said:
        yield Const(type(value.value).__name__ in said), site.world
    elif isinstance(value, Items) and said:
        yield Const("list" in said), site.world
    elif isinstance(value, Table) and said:
        yield Const("dict" in said), site.world
    else:
        yield SOMETHING, site.world


def _get_attribute(site: Site) -> Iterator[Outcome]:
    name = likely_text(site.argument(1) or SOMETHING)
    if name is None:
        yield SOMETHING, site.world
        return
    base = site.argument(0) or SOMETHING
    yield from attribute(site.run, base, name, site.node, site.world)


def _next(site: Site) -> Iterator[Outcome]:
    source = site.argument(0) or SOMETHING
    for value in elements(source, site.line):
        yield value, site.world


def _enumerated(site: Site) -> Value:
    source = site.argument(0) or SOMETHING
    values = elements(source, site.line)
    return Items(tuple(Items((Const(n), value)) for n, value in enumerate(values)))


def _partial(site: Site) -> Value:
    base = site.argument(0) or SOMETHING
    return Bound(base, "partial", tuple(site.arguments[1:]), tuple(site.keywords.items()))


def _field(site: Site) -> Iterator[Outcome]:
    from tabbydoctor.routers.calls import Site, apply

    default = site.keywords.get("default", site.argument(0))
    factory = site.keywords.get("default_factory")
    if isinstance(factory, Function | Class | External):
        yield from apply(factory, Site(site.run, site.node, [], {}, site.world))
    else:
        yield (default if default is not None else site.result()), site.world


def _depends(site: Site) -> Iterator[Outcome]:
    from tabbydoctor.routers.calls import Site, apply

    provider = site.argument(0)
    if isinstance(provider, Function | Class):
        yield from apply(provider, Site(site.run, site.node, [], {}, site.world))
    else:
        yield site.result(), site.world


def _in_thread(site: Site) -> Iterator[Outcome]:
    from tabbydoctor.routers.calls import Site, apply

    if not site.arguments:
        yield site.result(), site.world
        return
    rest = site.arguments[1:]
    yield from apply(site.arguments[0], Site(site.run, site.node, rest, site.keywords, site.world))


FUNCTIONS: dict[str, Effect] = {
    **machine.FUNCTIONS,
    "os.getenv": _getenv,
    "os.environ.get": _getenv,
    "os.environ.setdefault": _getenv,
    "os.path.join": _path,
    "pathlib.Path": _path,
    "os.path.expanduser": _first,
    "os.path.expandvars": _first,
    "os.path.abspath": _first,
    "os.path.realpath": _first,
    "os.path.dirname": _directory,
    "urllib.parse.urljoin": _url_joined,
    "httpx.URL": _first,
    "yarl.URL": _first,
    "pydantic.SecretStr": _first,
    "copy.deepcopy": _first,
    "copy.copy": _first,
    "typing.cast": lambda site: site.argument(1) or site.result(),
    "asyncio.gather": _gathered,
    "asyncio.wait_for": _first,
    "asyncio.shield": _first,
    "asyncio.run": _first,
    "asyncio.create_task": _first,
    "asyncio.ensure_future": _first,
    "contextlib.closing": _first,
    "contextlib.aclosing": _first,
    "asyncio.to_thread": _in_thread,
    "fastapi.concurrency.run_in_threadpool": _in_thread,
    "starlette.concurrency.run_in_threadpool": _in_thread,
    "anyio.to_thread.run_sync": _in_thread,
    "functools.partial": _partial,
    "fastapi.Depends": _depends,
    "dataclasses.field": _field,
    "pydantic.Field": _field,
    "builtins.dict": _table,
    "builtins.list": _listed,
    "builtins.tuple": _listed,
    "builtins.set": _listed,
    "builtins.sorted": _listed,
    "builtins.reversed": _listed,
    "builtins.iter": _listed,
    "builtins.frozenset": _listed,
    "builtins.str": _text,
    "builtins.int": _number,
    "builtins.isinstance": _is_instance,
    "builtins.getattr": _get_attribute,
    "builtins.super": _super,
    "builtins.next": _next,
    "builtins.enumerate": _enumerated,
}
