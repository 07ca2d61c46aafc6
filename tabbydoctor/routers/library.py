"""What the functions of the standard library (and of YAML readers) give a router."""

from __future__ import annotations

import json
import posixpath
import shlex
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urljoin

from tabbydoctor.routers.assignment import elements
from tabbydoctor.routers.lookup import attribute, item
from tabbydoctor.routers.ranking import plain
from tabbydoctor.routers.values import (
    NOTHING,
    SOMETHING,
    Bound,
    Class,
    Const,
    External,
    Function,
    Items,
    OpenFile,
    Table,
    Text,
    Unknown,
    Value,
    from_data,
    likely_text,
    text_of,
)
from tabbydoctor.routers.world import Outcome

if TYPE_CHECKING:
    from tabbydoctor.routers.calls import Site

Effect: TypeAlias = "Callable[[Site], Value | Iterator[Outcome]]"

STARTING = ("start", "restart", "try-restart", "reload-or-restart", "enable")


def located(site: Site, value: Value | None) -> str | None:
    """The absolute path a value most likely is."""
    path = likely_text(plain(value)) if value is not None else None
    if not path:
        return None
    home = site.run.variables.get("HOME")
    if path.startswith("~/") and home:
        path = posixpath.join(home, path[2:])
    if path.startswith(("~", "/")):
        return posixpath.normpath(path)
    directory = site.run.variables.get("PWD", "")
    return posixpath.normpath(posixpath.join(directory, path)) if directory else path


def opened(site: Site, path: Value | None, mode: Value | None) -> OpenFile:
    """A file opened in some mode; what is opened is written down."""
    where = located(site, path)
    text = likely_text(mode) if mode is not None else "r"
    writing = bool(set(text or "") & set("wax+"))
    if where:
        (site.run.trace.writes if writing else site.run.trace.reads).setdefault(where, site.line)
    return OpenFile(where)


def _open(site: Site) -> Value:
    return opened(site, site.argument(0, "file"), site.argument(1, "mode"))


def _parsed(site: Site) -> Value:
    """`json.load(f)`, `yaml.safe_load(text)`: the data of the file."""
    source = plain(site.argument(0) or SOMETHING)
    if (text := likely_text(source)) is not None:
        return _from_json(text, site)
    if isinstance(source, OpenFile):
        return site.run.file_data(source.path, site.line)
    if isinstance(source, Unknown) and source.root.startswith("file ") and not source.path:
        return site.run.file_data(source.root[5:], site.line)
    return source if isinstance(source, Unknown) and source.root else site.result()


def _from_json(text: str, site: Site) -> Value:
    try:
        return from_data(json.loads(text))
    except ValueError:
        return site.result()


def _super(site: Site) -> Value:
    return Bound(site.run.receiver(site.world), "super")


def _getenv(site: Site) -> Value:
    name = likely_text(site.argument(0, "key") or SOMETHING)
    if name is None:
        return SOMETHING
    default = site.argument(1, "default")
    return site.run.environment(name, site.line, default)


def _exists(site: Site) -> Value:
    return Unknown(f"exists {likely_text(plain(site.argument(0) or SOMETHING))}")


def _path(site: Site) -> Value:
    parts: list[Value] = []
    for argument in site.arguments:
        parts += [argument] if not parts else [Const("/"), argument]
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
    if text is not None and text.lstrip("-").isdigit():
        return Const(int(text), getattr(value, "hint", False))
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


def _command(site: Site) -> Value:
    """`subprocess.run([...])`, `os.system("…")`: units it starts, files it rewrites."""
    first = site.argument(0, "args") or SOMETHING
    parts = first.items if isinstance(first, Items) else tuple(site.arguments)
    words = [likely_text(plain(part)) for part in parts]
    if len(words) == 1 and words[0] and " " in words[0]:
        words = list(_words(words[0]))
    if "systemctl" in words:
        rest = [word for word in words[words.index("systemctl") + 1 :] if word]
        plain_words = [word for word in rest if not word.startswith("-")]
        if plain_words and plain_words[0] in STARTING:
            for unit in plain_words[1:]:
                site.run.trace.units.setdefault(unit, site.line)
    if "sed" in words and "-i" in words and words[-1]:
        site.run.trace.writes.setdefault(words[-1], site.line)
    return site.result()


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


FUNCTIONS: dict[str, Effect] = {
    "builtins.open": _open,
    "io.open": _open,
    "aiofiles.open": _open,
    "codecs.open": _open,
    "os.getenv": _getenv,
    "os.environ.get": _getenv,
    "os.environ.setdefault": _getenv,
    "os.path.exists": _exists,
    "os.path.isfile": _exists,
    "os.access": _exists,
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
    "subprocess.run": _command,
    "subprocess.Popen": _command,
    "subprocess.call": _command,
    "subprocess.check_call": _command,
    "subprocess.check_output": _command,
    "os.system": _command,
    "asyncio.create_subprocess_exec": _command,
    "asyncio.create_subprocess_shell": _command,
    "json.load": _parsed,
    "json.loads": _parsed,
    "yaml.safe_load": _parsed,
    "yaml.load": _parsed,
    "yaml.full_load": _parsed,
    "tomllib.load": _parsed,
    "tomllib.loads": _parsed,
    "tomli.load": _parsed,
    "orjson.loads": _parsed,
}

__all__ = ["FUNCTIONS", "NOTHING", "item", "located", "opened"]
