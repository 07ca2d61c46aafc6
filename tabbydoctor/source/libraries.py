"""What the functions of the standard library, of YAML readers and of frameworks give."""

from __future__ import annotations

import ast
import posixpath
import shlex
from collections.abc import Callable, Mapping
from typing import TypeAlias
from urllib.parse import urljoin

from tabbydoctor.documents import json_of, whole_number
from tabbydoctor.records import replace
from tabbydoctor.source import clients
from tabbydoctor.source.attributes import attribute, super_attribute
from tabbydoctor.source.budget import LONGEST_TEXT
from tabbydoctor.source.engine import UNASKED, Engine, EvaluatedCall
from tabbydoctor.source.expressions import spread
from tabbydoctor.source.guards import Guard, both
from tabbydoctor.source.iteration import keys, rounds
from tabbydoctor.source.memory import restricted, trimmed
from tabbydoctor.source.targets import put_attribute
from tabbydoctor.source.truth import boolean, negated, truth
from tabbydoctor.source.values import (
    ENVIRONMENT_FILE,
    FALSE,
    NONE,
    NOTHING,
    SOMETHING,
    TRUE,
    WHATEVER,
    Class,
    Const,
    Dict,
    File,
    Known,
    List,
    Method,
    Name,
    Object,
    Partial,
    Span,
    Symbol,
    Text,
    Value,
    Values,
    Yielded,
    first,
    known,
    likely_text,
    only,
    plain,
    text_of,
)

Effect: TypeAlias = Callable[[EvaluatedCall], Values]


# --- the environment, files, commands ------------------------------------------------------------


def _getenv(call: EvaluatedCall) -> Values:
    name = call.text(0, "key")
    if name is None:
        return WHATEVER
    return call.run.variable(name, call.node, call.values(1, "default"))


def located(run: Engine, value: Value | None) -> str | None:
    """The absolute path a value most likely is."""
    path = likely_text(value) if value is not None else None
    if not path:
        return None
    home = (run.environment or {}).get("HOME")
    if path.startswith("~/") and home:
        path = posixpath.join(home, path[2:])
    if path.startswith(("~", "/")):
        return posixpath.normpath(path)
    return posixpath.normpath(posixpath.join(run.directory, path)) if run.directory else path


def opened(call: EvaluatedCall, path: Value | None, mode: Values | None) -> File:
    """A file opened in some mode; what is opened is written down."""
    where = located(call.run, path)
    text = likely_text(first(mode)) if mode else "r"
    writing = bool(set(text or "") & set("wax+"))
    if where:
        seen = call.run.seen.writes if writing else call.run.seen.reads
        seen.setdefault(where, call.place)
    return File(where)


def _open(call: EvaluatedCall) -> Values:
    mode = call.values(1, "mode")
    return call.run.each(
        call.values(0, "file") or WHATEVER, lambda path: only(opened(call, path, mode))
    )


def data_of(run: Engine, path: str | None, call: EvaluatedCall, *, parsed: bool) -> Values:
    """What a file holds: its data where that was given, else what is known of nothing but where
    it is from.
    """
    if path is None:
        return only(Symbol("a file", place=call.place))
    data = run.data(path) if parsed else None
    if data is not None:
        return only(data)
    return only(Symbol(f"file {path}", (), None, False, run.marks(path), call.place))


def _parsed(call: EvaluatedCall) -> Values:
    """`json.load(f)`, `yaml.safe_load(text)`: the data of the file."""
    return call.run.each(call.values(0) or WHATEVER, lambda source: _data(source, call))


def _data(source: Value, call: EvaluatedCall) -> Values:
    if isinstance(source, File):
        return data_of(call.run, source.path, call, parsed=True)
    if isinstance(source, Symbol) and source.root.startswith("file ") and not source.path:
        return data_of(call.run, source.root[5:], call, parsed=True)
    text = likely_text(source)
    if text is not None:
        try:
            return only(known(json_of(text), call.run.marks))
        except ValueError:
            return call.result()
    return only(source) if isinstance(source, Symbol) and source.root else call.result()


def _exists(call: EvaluatedCall) -> Values:
    return boolean(call.run, (f"exists {call.text(0)}",), "true", None, call.place.line)


def _command(call: EvaluatedCall) -> Values:
    """`subprocess.run([...])`, `os.system("…")`."""
    first_ = call.value(0, "args")
    parts = [first(each) for each in first_.items] if isinstance(first_, List) else [
        first(each) for each in call.arguments
    ]  # fmt: skip
    words = [likely_text(part) or "" for part in parts]
    if len(words) == 1 and " " in words[0]:
        try:
            words = shlex.split(words[0])
        except ValueError:
            words = words[0].split()
    call.run.seen.commands.append((tuple(words), call.place))
    clients.hand(call)
    return call.result()


def _load_dotenv(call: EvaluatedCall) -> Values:
    """`.env` of the working directory, or the one named: variables that are not set yet."""
    run = call.run
    path = located(run, call.value(0, "dotenv_path")) if call.arguments or (
        "dotenv_path" in call.keywords) else posixpath.join(run.directory, ".env")  # fmt: skip
    if path:
        run.seen.reads.setdefault(path, call.place)
    data = run.data(path)
    overrides = first(call.keywords.get("override") or NONE) == TRUE
    if isinstance(data, Dict):
        for name, values in data.slots.items():
            if overrides or run.environment is None or name not in run.environment:
                value = first(values)
                if isinstance(value, Const) and isinstance(name, str):
                    is_marked = run.marks(name) or value.marked
                    run.variables[name] = Symbol(
                        f"environment {name}", ENVIRONMENT_FILE, value, True, is_marked, call.place
                    )
    return only(TRUE)


def _dotenv_values(call: EvaluatedCall) -> Values:
    path = located(call.run, call.value(0, "dotenv_path")) or posixpath.join(
        call.run.directory, ".env"
    )
    call.run.seen.reads.setdefault(path, call.place)
    return data_of(call.run, path, call, parsed=True)


# --- values --------------------------------------------------------------------------------------


def _first(call: EvaluatedCall) -> Values:
    return call.values(0) or call.result()


def _second(call: EvaluatedCall) -> Values:
    return call.values(1) or call.result()


def _path(call: EvaluatedCall) -> Values:
    found: Values = ()
    for argument in call.arguments:
        found = call.run.pairs(found, argument, _laid) if found else argument
    return found or only(Const("."))


def _laid(base: Value, part: Value) -> Value:
    if (likely_text(part) or "").startswith("/"):
        return part
    return text_of(base, Const("/"), part)


def _directory(call: EvaluatedCall) -> Values:
    text = call.text(0)
    return WHATEVER if text is None else only(Const(posixpath.dirname(text)))


def _url_joined(call: EvaluatedCall) -> Values:
    def join(base: Value, path: Value) -> Value:
        start, tail = likely_text(base), likely_text(path)
        marked = getattr(base, "marked", False)
        if start is not None and tail is not None:
            return Const(urljoin(start, tail), marked)
        if start is not None and not (likely_text(path) or ""):
            head = start.rstrip("/") if isinstance(path, Text) else start
            if isinstance(path, Text) and str(likely_text(path.parts[0]) or "").startswith("/"):
                return text_of(Const(urljoin(start, "/").rstrip("/"), marked), path)
            return text_of(Const(head, marked), path)
        return text_of(base, path)

    return call.run.pairs(call.values(0) or WHATEVER, call.values(1) or WHATEVER, join)


def _table(call: EvaluatedCall) -> Values:
    made = Dict()
    for argument in call.arguments:
        spread(call.run, made, argument)
    for key, values in call.keywords.items():
        if key == "**":
            spread(call.run, made, values)
        else:
            made.slots[key] = values
    return only(made)


def _headers(call: EvaluatedCall) -> Values:
    """`MutableHeaders(raw=…)`, `httpx.Headers(…)`: a table of its own."""
    made = Dict()
    for argument in call.everything():
        spread(call.run, made, argument)
    return only(made)


def _reader(call: EvaluatedCall) -> Values:
    """`Config()`, `Env()`: what reads variables when it is called, or by its methods."""
    return only(VARIABLES)


def _read_variable(call: EvaluatedCall) -> Values:
    name = call.text(0)
    if name is None:
        return WHATEVER
    return call.run.variable(name, call.node, call.values(-1, "default") or call.values(1))


VARIABLES = Known("variables", _read_variable)


def _named_tuple(call: EvaluatedCall) -> Values:
    """`namedtuple("Backend", "name url key")`."""
    fields = call.value(1)
    if isinstance(fields, List):
        names = [likely_text(first(each)) or "" for each in fields.items]
        names = [
            name or str(likely_text(first(first(each).items[0])) or "")  # type: ignore[union-attr]
            if isinstance(first(each), List) else name
            for name, each in zip(names, fields.items, strict=True)
        ]  # fmt: skip
    else:
        names = (likely_text(fields) or "").replace(",", " ").split()
    if not names or not all(name.isidentifier() for name in names):
        return call.result()
    body = [ast.AnnAssign(ast.Name(name, ast.Store()), ast.Name("object"), None, 1)
            for name in names]  # fmt: skip
    node = ast.ClassDef(call.text(0) or "Tuple", [], [], list(body), [], lineno=call.place.line)
    for each in ast.walk(node):
        ast.copy_location(each, call.node)
    ast.fix_missing_locations(node)
    return only(Class(node, (), call.run.frame.scope, call.run.frame.module))


class Options(Dict):
    """`argparse.ArgumentParser()`, and what its arguments give."""

    __slots__ = ()


def add_option(options: Options, call: EvaluatedCall) -> Values:
    """`parser.add_argument("--url", default=…)`: the command line's value, else the default."""
    run = call.run
    names = [text for each in call.arguments if (text := likely_text(first(each)))]
    if not names:
        return NONE
    long = next((name for name in names if name.startswith("--")), names[0])
    dest = call.text(-1, "dest") or long.lstrip("-").replace("-", "_")
    given = run.options.get(long) or next((run.options[n] for n in names if n in run.options), None)
    marked = run.marks(dest)
    root, default = f"option {long}", call.keywords.get("default")
    if given is not None:
        held = Const(given, marked)
        values = only(Symbol(root, (), held, True, marked, call.place))
    elif default:
        values = default
    elif call.text(-1, "action") == "store_true":
        values = only(FALSE)
    else:
        values = NONE if long.startswith("-") else only(Symbol(root, (), None, False, marked))
    run.memory.write(options, dest, values)
    return NONE


def _define(call: EvaluatedCall) -> Values:
    """Tornado: `define("url", default=…)`, asked as `options.url`."""
    name = call.text(0)
    if name:
        call.run.remember(("tornado.options.options", name), call.values(1, "default") or NONE)
    return NONE


def _application(call: EvaluatedCall) -> Values:
    """Tornado: `Application([(path, Handler, {"client": client})])` makes its handlers."""
    handlers = call.value(0)
    for each in handlers.items if isinstance(handlers, List) else ():
        entry = first(each)
        if isinstance(entry, List) and len(entry.items) > 2:
            klass, given = first(entry.items[1]), first(entry.items[2])
            if isinstance(klass, Class) and isinstance(given, Dict):
                named = {k: v for k, v in given.slots.items() if isinstance(k, str)}
                for _, made in call.run.called(klass, call.giving(**UNASKED)):
                    for _, begin in attribute(call.run, made, "initialize", call.node):
                        call.run.called(begin, call.giving(**named))
    return call.result()


class Sections(Dict):
    """`configparser.ConfigParser()`: a table of tables."""

    __slots__ = ()


def of_sections(sections: Sections, name: str, call: EvaluatedCall) -> Values:
    """Its methods: `read(path)`, `get(section, option, fallback=…)`, `sections()`."""
    run = call.run
    if name in ("read", "read_file"):
        for value in [v for _, v in call.values(0) or ()]:
            file = value if isinstance(value, File) else opened(call, value, None)
            data = run.data(file.path)
            if isinstance(data, Dict):
                for key, values in data.slots.items():
                    run.memory.write(sections, key, values)
        return NONE
    if name == "sections":
        return only(List(only(key) for key in keys(sections)))
    if name in ("get", "getint", "getfloat", "getboolean"):
        section = first(sections.slots.get(call.text(0), NONE))
        found = section.slots.get(call.text(1)) if isinstance(section, Dict) else None
        return found or call.keywords.get("fallback") or call.result()
    if name == "has_section":
        return only(TRUE if call.text(0) in sections.slots else FALSE)
    return call.result()


def _listed(call: EvaluatedCall) -> Values:
    source = call.values(0)
    if source is None:
        return only(List())

    def made(value: Value) -> Values:
        match value:
            case Dict():
                return only(List(only(key) for key in keys(value)))
            case List():
                return only(List(value.items, value.more))
            case Yielded(values=inner):
                return only(List([inner]))
        return only(value)

    return call.run.each(source, made)


def _text(call: EvaluatedCall) -> Values:
    return call.run.each(call.values(0) or only(Const("")), lambda value: only(
        text_of(value) if isinstance(value, Const | Text) else value
    ))  # fmt: skip


def _number(call: EvaluatedCall) -> Values:
    def number(value: Value) -> Values:
        text = likely_text(value)
        given = plain(value)
        if isinstance(given, Const) and isinstance(given.value, int | float):
            return only(given)
        read = whole_number(text) if text is not None else None
        if read is None:
            return only(value)
        if isinstance(value, Symbol):
            return only(replace(value, likely=Const(read, value.marked)))
        return only(Const(read, getattr(value, "marked", False)))

    return call.run.each(call.values(0) or WHATEVER, number)


_LISTS = {"list", "tuple", "Sequence"}


def _is_instance(call: EvaluatedCall) -> Values:
    kind = call.value(1)
    kinds = [first(each) for each in kind.items] if isinstance(kind, List) else [kind]
    said = {each.name.rpartition(".")[2] for each in kinds if isinstance(each, Name)}
    classes = [each for each in kinds if isinstance(each, Class)]

    def judged(value: Value) -> Values:
        value = plain(value)
        match value:
            case Symbol(root=root) if root and said:
                answer = boolean(call.run, value.name, "is-list", None, call.place.line)
                return answer if said & _LISTS else negated(answer)
            case Const(value=held) if said:
                return only(TRUE if type(held).__name__ in said else FALSE)
            case Text() if said:
                return only(TRUE if "str" in said else FALSE)
            case List() if said:
                return only(TRUE if said & _LISTS else FALSE)
            case Dict() if said:
                return only(TRUE if said & {"dict", "Mapping", "MutableMapping"} else FALSE)
            case Object(of=of) if classes:
                return only(TRUE if any(each in of.line() for each in classes) else FALSE)
        return WHATEVER

    return call.run.each(call.values(0) or WHATEVER, judged)


def _get_attribute(call: EvaluatedCall) -> Values:
    default = call.values(2)

    def named(name: Value) -> Values:
        text = likely_text(name)
        if text is None:
            return WHATEVER
        bases = call.values(0) or WHATEVER
        return call.run.each(bases, lambda base: attribute(call.run, base, text, call.node))

    found = call.run.each(call.values(1) or WHATEVER, named)
    vague = all(isinstance(value, Method | Symbol) for _, value in found)
    return (*found, *default) if default and default != NONE and not vague else found


def _set_attribute(call: EvaluatedCall) -> Values:
    name = call.text(1)
    if name is not None:
        put_attribute(call.run, call.values(0) or WHATEVER, name, call.values(2) or WHATEVER)
    return NONE


def _next(call: EvaluatedCall) -> Values:
    """The first that there is: each is only come to where those before it are not."""
    found: list[tuple[Guard, Value]] = []
    before: Guard = frozenset()
    for one in rounds(call.run, call.values(0) or WHATEVER, call.node):
        found += restricted(one, before)
        guards = {guard for guard, _ in one}
        if len(guards) == 1 and len(*guards) == 1:
            ((name, operator, operand, holds),) = next(iter(guards))
            before = both(before, frozenset({(name, operator, operand, not holds)})) or before
    default = call.values(1)
    return trimmed((*found, *default)) if default else trimmed(found) or WHATEVER


def _any_of(call: EvaluatedCall) -> Values:
    """`max`, `min`, `random.choice`: one of the elements."""
    if len(call.arguments) > 1:
        return trimmed(each for values in call.arguments for each in values)
    found = rounds(call.run, call.values(0) or WHATEVER, call.node)
    choice = ("choice", str(id(call.node)))
    return trimmed(
        each
        for number, one in enumerate(found)
        for each in restricted(one, frozenset({(choice, "==", number, True)}))
    ) or WHATEVER  # fmt: skip


def _enumerated(call: EvaluatedCall) -> Values:
    found = rounds(call.run, call.values(0) or WHATEVER, call.node)
    return only(List(only(List([only(Const(n)), each])) for n, each in enumerate(found)))


def _zipped(call: EvaluatedCall) -> Values:
    columns = [rounds(call.run, values, call.node) for values in call.arguments]
    return only(List(only(List(row)) for row in zip(*columns, strict=False)))


def mapped(call: EvaluatedCall) -> Values:
    """`map(f, values)`, of an executor, too."""
    found = rounds(call.run, call.values(1) or WHATEVER, call.node)
    return only(List(call.run.called(call.value(0), call.giving(each)) for each in found))


def _filtered(call: EvaluatedCall) -> Values:
    function = call.value(0)
    kept = []
    for each in rounds(call.run, call.values(1) or WHATEVER, call.node):
        said = each if function == NOTHING else call.run.called(function, call.giving(each))
        if any(truth(value) is not False for _, value in said):
            kept.append(each)
    return only(List(kept))


def _boolean(call: EvaluatedCall) -> Values:
    def said(value: Value) -> Values:
        known_ = truth(value)
        if known_ is not None:
            return only(TRUE if known_ else FALSE)
        if isinstance(value, Symbol) and value.root:
            return boolean(call.run, value.name, "true", None, call.place.line)
        return WHATEVER

    return call.run.each(call.values(0) or only(FALSE), said)


def _gathered(call: EvaluatedCall) -> Values:
    return only(List(call.arguments))


def _partial(call: EvaluatedCall) -> Values:
    named = tuple(call.keywords.items())
    rest = tuple(call.arguments[1:])
    return tuple((guard, Partial(value, rest, named)) for guard, value in call.values(0) or ())


def _super(call: EvaluatedCall) -> Values:
    scope = call.run.frame.scope
    while scope is not None and scope.receiver is None and scope.outer is not None:
        scope = scope.outer
    if scope is None or scope.receiver is None:
        return call.result("super")
    me, klass = scope.receiver
    return only(_Super(me, klass))


class _Super(Known):
    """`super()`: its attributes are those behind the present class."""

    __slots__ = ("klass", "me")

    def __init__(self, me: Value, klass: Class) -> None:
        super().__init__("super", lambda call: call.result())
        self.me, self.klass = me, klass


def of_super(run: Engine, base: Value, name: str, call: EvaluatedCall) -> Values | None:
    """A method of `super()`; None where the base is none."""
    if not isinstance(base, _Super):
        return None
    found = super_attribute(run, base.me, base.klass, name, call.node)
    return run.each(found, lambda function: run.called(function, call))


def _made(call: EvaluatedCall) -> Values:
    """`Depends(get_client)`, `field(default_factory=dict)`: what its function gives."""
    provider = call.values(0, "dependency")
    if provider is None:
        return call.result()
    bare = call.giving(**UNASKED)
    found = call.run.each(provider, lambda function: call.run.called(function, bare))
    return call.run.each(found, lambda value: (
        value.values if isinstance(value, Yielded) else only(value)
    ))  # fmt: skip


def _field(call: EvaluatedCall) -> Values:
    factory = call.keywords.get("default_factory") or call.keywords.get("factory")
    if factory:
        return call.run.each(factory, lambda function: call.run.called(function, call.giving()))
    return call.values(0, "default") or call.result()


def handed_on(call: EvaluatedCall, number: int = 0) -> Values:
    """What one of its arguments gives for those behind it: `run_in_executor(None, f, value)`."""
    if len(call.arguments) <= number:
        return call.result()
    rest = call.giving(*call.arguments[number + 1 :], **call.keywords)
    return call.run.each(call.arguments[number], lambda function: call.run.called(function, rest))


def _thread(call: EvaluatedCall) -> Values:
    """`threading.Thread(target=f, args=(…))`: runs it."""
    target, args = call.keywords.get("target"), call.keywords.get("args")
    if target:
        given = first(args) if args else NOTHING
        rest = call.giving(*(given.items if isinstance(given, List) else ()))
        call.run.each(target, lambda function: call.run.called(function, rest))
    return call.result()


def _repeat(call: EvaluatedCall) -> Values:
    return only(List([call.arguments[0]])) if call.arguments else WHATEVER


def _same_function(call: EvaluatedCall) -> Values:
    """A decorator that leaves what a function does as it is: `functools.wraps`."""
    return only(Known("decorator", lambda inner: inner.values(0) or inner.result()))


def _import_module(call: EvaluatedCall) -> Values:
    name = call.text(0)
    if name is None:
        return call.result()
    level = len(name) - len(name.lstrip("."))
    found = call.run.importing(call.run, call.run.frame.module.path, level, name.lstrip("."))
    return only(found) if found is not None else only(Name(name))


def _matched(call: EvaluatedCall) -> Values:
    """`re.search(pattern, text)`: of the text."""
    return call.run.each(call.values(1) or WHATEVER, lambda text: (
        only(text.part("match")) if isinstance(text, Symbol) and text.root else call.result()
    ))  # fmt: skip


def _substituted(call: EvaluatedCall) -> Values:
    """`re.sub(pattern, by, text)`: the text, where it is not known."""
    return call.run.each(call.values(2) or WHATEVER, lambda text: (
        only(text) if isinstance(text, Symbol) and text.root else call.result()
    ))  # fmt: skip


def _served(call: EvaluatedCall) -> Values:
    """`uvicorn.run("pkg.main:app")`: imports what it serves."""
    module, _, _ = (call.text(0) or "").partition(":")
    if module:
        call.run.importing(call.run, call.run.frame.module.path, 0, module)
    return call.result()


def _length(call: EvaluatedCall) -> Values:
    value = call.value(0)
    if isinstance(value, List) and not value.more:
        return only(Const(len(value.items)))
    return only(Symbol(f"length of {value.name}") if isinstance(value, Symbol) else SOMETHING)


def _range(call: EvaluatedCall) -> Values:
    values = [plain(first(each)) for each in call.arguments]
    numbers = [each.value for each in values if isinstance(each, Const)]
    whole = [each for each in numbers if isinstance(each, int)]
    if len(whole) == len(call.arguments) and whole and max(map(abs, whole)) < LONGEST_TEXT:
        try:
            span = range(*whole[:3])
        except (TypeError, ValueError):
            return call.result("range")
        return only(Span(span))
    return call.result("range")


def _chained(call: EvaluatedCall) -> Values:
    """`itertools.chain`: the elements of all, one after the other."""
    return only(List(each for one in call.arguments for each in rounds(call.run, one, call.node)))


_MEANT: Mapping[Effect, str] = {
    _open: "builtins.open io.open aiofiles.open codecs.open anyio.open_file",
    _parsed: (
        "json.load json.loads yaml.safe_load yaml.load yaml.full_load tomllib.load tomllib.loads "
        "tomli.load tomli.loads toml.load toml.loads orjson.loads ujson.loads ujson.load "
        "simplejson.loads"
    ),
    _exists: "os.path.exists os.path.isfile os.access os.path.isdir",
    _command: (
        "subprocess.run subprocess.Popen subprocess.call subprocess.check_call "
        "subprocess.check_output os.system asyncio.create_subprocess_exec "
        "asyncio.create_subprocess_shell"
    ),
    _getenv: "os.getenv os.environ.get os.environ.setdefault",
    _read_variable: "decouple.config",
    _reader: "starlette.config.Config environs.Env decouple.Config environ.Env",
    _load_dotenv: "dotenv.load_dotenv",
    _dotenv_values: "dotenv.dotenv_values",
    lambda call: only(Sections()): "configparser.ConfigParser configparser.RawConfigParser",
    lambda call: only(Options()): "argparse.ArgumentParser",
    _define: "tornado.options.define",
    _application: "tornado.web.Application",
    _served: "uvicorn.run",
    _import_module: "importlib.import_module",
    _first: (
        "os.path.expanduser os.path.expandvars os.path.abspath os.path.realpath httpx.URL yarl.URL "
        "pydantic.SecretStr pydantic.AnyHttpUrl pydantic.HttpUrl copy.deepcopy copy.copy "
        "asyncio.wait_for asyncio.shield asyncio.run asyncio.create_task asyncio.ensure_future "
        "contextlib.closing contextlib.aclosing urllib.parse.urlparse urllib.parse.urlsplit "
        "string.Template builtins.iter builtins.aiter types.MappingProxyType "
        "collections.OrderedDict itertools.cycle asyncio.as_completed fastapi.Security "
        "functools.cache"
    ),
    _second: "typing.cast",
    _path: "os.path.join pathlib.Path pathlib.PurePath",
    _directory: "os.path.dirname",
    _url_joined: "urllib.parse.urljoin",
    _matched: "re.search re.match re.fullmatch re.findall",
    _substituted: "re.sub",
    _headers: (
        "starlette.datastructures.MutableHeaders starlette.datastructures.Headers httpx.Headers "
        "multidict.CIMultiDict multidict.MultiDict requests.structures.CaseInsensitiveDict "
        "werkzeug.datastructures.Headers tornado.httputil.HTTPHeaders"
    ),
    _table: "builtins.dict collections.ChainMap types.SimpleNamespace",
    _named_tuple: "collections.namedtuple typing.NamedTuple",
    _field: "dataclasses.field pydantic.Field attrs.field attr.ib",
    _made: "fastapi.Depends fastapi.params.Depends fastapi_utils.Depends",
    _same_function: "functools.wraps functools.lru_cache",
    _partial: "functools.partial",
    _thread: "threading.Thread",
    handed_on: (
        "asyncio.to_thread fastapi.concurrency.run_in_threadpool anyio.to_thread.run_sync "
        "starlette.concurrency.run_in_threadpool anyio.run anyio.from_thread.run"
    ),
    _gathered: "asyncio.gather asyncio.wait",
    _listed: (
        "builtins.list builtins.tuple builtins.set builtins.sorted builtins.reversed "
        "builtins.frozenset collections.deque random.sample"
    ),
    _any_of: "random.choice builtins.max builtins.min",
    _next: "builtins.next builtins.anext",
    _enumerated: "builtins.enumerate",
    _zipped: "builtins.zip",
    mapped: "builtins.map",
    _filtered: "builtins.filter",
    _chained: "itertools.chain",
    _repeat: "itertools.repeat",
    _range: "builtins.range",
    _length: "builtins.len",
    _text: "builtins.str",
    _number: "builtins.int builtins.float",
    _boolean: "builtins.bool",
    _is_instance: "builtins.isinstance",
    _get_attribute: "builtins.getattr",
    _set_attribute: "builtins.setattr",
    _super: "builtins.super",
}
FUNCTIONS: Mapping[str, Effect] = {
    name: effect for effect, names in _MEANT.items() for name in names.split()
}
"""A function of a library -> what it gives."""
