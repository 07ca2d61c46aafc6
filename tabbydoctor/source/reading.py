"""Reading a program: its modules, what runs at their import, and every function that may be called.

One pass follows the lines of the entry module and what they import, then each function that is
called from outside (routes, handlers, methods nobody calls here). What functions leave behind in
names and objects may have happened before any other of them runs: so a second pass goes over them
with all of that in place, and only if the first one left something behind.
"""

from __future__ import annotations

import ast
import configparser
import contextlib
import functools
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set

from tabbydoctor.documents import Unreadable, json_of, python_of, toml_of
from tabbydoctor.records import dataclass, field
from tabbydoctor.source import expressions, statements  # noqa: F401 - they register handlers
from tabbydoctor.source.attributes import decorators
from tabbydoctor.source.budget import budget
from tabbydoctor.source.calling import called, instance, made_of, run_callbacks
from tabbydoctor.source.engine import UNASKED, Engine, EvaluatedCall, Frame
from tabbydoctor.source.guards import ALWAYS
from tabbydoctor.source.imports import candidates
from tabbydoctor.source.index import index, reaching
from tabbydoctor.source.seen import Seen
from tabbydoctor.source.values import (
    MODULE_NAME,
    Class,
    Const,
    Function,
    Holder,
    Known,
    Module,
    Object,
    Scope,
    Symbol,
    Value,
    first,
    known,
    only,
    text_of,
)
from tabbydoctor.yaml.yaml11 import yaml_of

ROUTES = frozenset({
    "get", "post", "put", "delete", "patch", "head", "options", "route", "api_route", "websocket",
    "websocket_route", "on_event", "middleware", "exception_handler", "errorhandler",
    "before_request", "after_request", "teardown_request", "before_serving", "after_serving",
    "while_serving", "before_app_request", "command", "task", "cron", "on", "listener",
    "scheduled_job", "event", "tool", "post_fork", "asynccontextmanager",
})  # fmt: skip
"""Names of decorators by which a framework is given a function to call."""
_MOST_OBJECTS = 4
"""Objects of a class on which a method that nobody calls is followed."""
_VARIABLE = re.compile(r"\$\{(?:env[.:])?(\w+)(?::-([^}]*))?\}")
_ENV_LINE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$")


@dataclass(frozen=True, slots=True)
class Program:
    """A program's sources, and what it runs with."""

    entry: str
    """The path of the module that is run."""
    trees: Mapping[str, ast.Module]
    """Path -> parsed source of every module, the entry's among them."""
    roots: tuple[str, ...] = ()
    """Directories that absolute imports start from."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Path -> text of configuration files."""
    environment: Mapping[str, str] | None = field(default=None, repr=False)
    """The whole environment; None where it is not known."""
    directory: str = ""
    """The working directory."""
    arguments: tuple[str, ...] = ()
    """The words of its command line."""
    known: Mapping[str, Mapping[str, Known]] = field(default_factory=dict)
    """Path -> names of that module whose meaning is told."""


def read(program: Program, marks: Callable[[object], bool] = lambda name: False) -> Seen:
    """Follow a program. `marks` tells the names to watch for: what is given one is `marked`.

    Raises RecursionError where it is nested too deeply.
    """
    lines = sum(
        len(tree.body) and (tree.body[-1].end_lineno or 1) for tree in program.trees.values()
    )
    run = Engine(program.environment, program.directory, {}, marks, lines)
    run.files = {path: _reader(run, path, text) for path, text in program.files.items()}
    sources = [index(tree) for tree in program.trees.values()]
    run.reaching = reaching(sources)
    run.parts = {node: part for each in sources for node, part in each.parts.items()}
    run.called, run.handing = called, run_callbacks
    run.options = _options(program.arguments)
    run.importing = _Importer(program).module
    with budget() as spent:
        _passes(run, program)
    run.seen.cuts = tuple(spent.cuts)
    return run.seen


def _options(words: Sequence[str]) -> dict[str, str]:
    """`--name value` and `--name=value` of a command line."""
    found = {}
    for number, word in enumerate(words):
        name, given, value = word.partition("=")
        if name.startswith("-") and given:
            found[name] = value
        elif word.startswith("-") and number + 1 < len(words):
            found[word] = words[number + 1]
    return found


def _reader(run: Engine, path: str, text: str) -> Callable[[], Value | None]:
    """What a configuration file holds, parsed when it is asked for."""

    @functools.cache
    def data() -> object:
        suffix = posixpath.splitext(path)[1]
        try:
            if suffix == ".json":
                return json_of(text)
            if suffix in (".yml", ".yaml"):
                return yaml_of(text)
            if suffix == ".toml":
                return toml_of(text)
            if suffix in (".ini", ".cfg", ".conf"):
                return _sections(text)
            if suffix == ".env" or posixpath.basename(path).startswith(".env"):
                return _environment_file(text)
        except Unreadable:
            pass
        return None

    def string(text: str) -> Value:
        return _expanded(run, text) if "${" in text else Const(text)

    return lambda: None if (parsed := data()) is None else known(parsed, run.marks, string)


def _expanded(run: Engine, text: str) -> Value:
    """`Bearer ${NAME}`, as programs fill in the text of their configuration."""
    parts: list[Value] = []
    at = 0
    for found in _VARIABLE.finditer(text):
        default = only(Const(found[2])) if found[2] else None
        held = run.variable(found[1], run.frame.node, default)
        parts += [Const(text[at : found.start()]), first(held)]
        at = found.end()
    whole = [part for part in (*parts, Const(text[at:])) if part != Const("")]
    return whole[0] if len(whole) == 1 else text_of(*whole)


def _sections(text: str) -> dict[str, dict[str, str]] | None:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error:
        return None
    return {name: dict(parser[name]) for name in parser.sections()}


def _environment_file(text: str) -> dict[str, str]:
    found = {}
    for line in text.splitlines():
        match = _ENV_LINE.match(line)
        if match and not line.lstrip().startswith("#"):
            value = match[2]
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            found[match[1]] = value[1:-1] if quoted else value.partition(" #")[0].strip()
    return found


class _Importer:
    """Finds and runs modules of the program, each once."""

    def __init__(self, program: Program) -> None:
        self.program = program
        directory = posixpath.dirname(program.entry)
        self.roots = program.roots or (directory,)

    def module(self, run: Engine, importer: str, level: int, name: str) -> Module | None:
        """The module that an import names; None where it is none of the program's."""
        for path in candidates(importer, self.roots, level, name):
            if path in self.program.trees:
                return self.at(run, path, name)
        return None

    def at(self, run: Engine, path: str, name: str) -> Module:
        """The module of a file, run if it was not yet."""
        made = run.modules.get(path)
        if made is not None:
            return made
        scope = Scope()
        made = run.modules[path] = Module(name, path, scope)
        scope.slots["__name__"] = only(Symbol(*MODULE_NAME))
        scope.slots["__file__"] = only(Const(path))
        for each, told in self.program.known.get(path, {}).items():
            scope.slots[each] = only(told)
        before, stack, run.stack = run.path, run.stack, ()
        run.path = ALWAYS
        trail, run.memory.trail = run.memory.trail, []  # what it does is not undone with a branch
        run.frames.append(Frame(scope, made, self.program.trees[path], ALWAYS))
        run.execute(self.program.trees[path].body)
        run.frames.pop()
        run.path, run.stack, run.memory.trail = before, stack, trail
        return made


def _passes(run: Engine, program: Program) -> None:
    importer = _Importer(program)
    entry = importer.at(run, program.entry, "__main__")
    run.frames.append(Frame(entry.scope, entry, program.trees[program.entry], ALWAYS))
    seen = run.seen
    named = {name for tree in program.trees.values() for name in index(tree).read}
    of_modules = len(seen.sent)
    uncalled: dict[ast.AST, Function] = {}
    for _ in range(2):
        before = seen.sent[of_modules:]
        del seen.sent[of_modules:]
        run.times.clear()
        fresh = _follow_all(run, _roots(seen, named))
        again = {sent.place for sent in seen.sent}
        seen.sent += [each for each in before if each.place not in again]
        uncalled |= {node: each for node, each in seen.functions.items() if node not in run.entered}
        if not (_suppose(run, uncalled.values()) or fresh):
            break
    # What sends by itself, and has calls that nothing given to it leads to.
    sending = {sent.stack[-1] for sent in seen.sent if sent.stack} - uncalled.keys()
    _suppose(run, [
        each
        for node, each in seen.functions.items()
        if node in sending and each.klass is None and not run.called_at.issuperset(
            run.parts[node].sending if node in run.parts else ()
        )
    ])  # fmt: skip


def _suppose(run: Engine, functions: Iterable[Function]) -> bool:
    """Follow functions with arguments that nobody gives them."""
    run.supposing = True
    fresh = _follow_all(run, functions)
    run.supposing = False
    return fresh


def _roots(seen: Seen, named: Set[str]) -> list[Function]:
    """The functions that are called from outside: decorated ones, and those nobody names."""
    found = []
    for node, function in list(seen.functions.items()):
        name = getattr(node, "name", "")
        if name.startswith("__"):
            continue
        if name not in named or name.startswith("do_") or decorators(node) & ROUTES:
            found.append(function)
    return found


def _follow_all(run: Engine, functions: Iterable[Function]) -> bool:
    """Follow functions as if called from outside; tells whether any left something new behind."""
    fresh = False
    for function in functions:
        mark = len(run.memory.trail)
        for one in _bound(run, function):
            pool = dict(run.pool.slots)
            run.path = ALWAYS
            call = EvaluatedCall(run, function.node, [], dict(UNASKED))
            called(one, call)
            fresh |= run.pool.slots != pool and bool(run.pool.slots.keys() - pool.keys())
        run.path = ALWAYS
        changes = run.memory.undo(mark)
        fresh |= run.memory.join_weakly(
            {cell: change for cell, change in changes.items() if _lasting(run, change[0])}
        )
        while run.midway:
            fresh |= run.memory.join_weakly(run.midway.pop())
    return fresh


def _lasting(run: Engine, holder: Holder) -> bool:
    """Whether it outlives a call: the names of a call of a function do only for functions in it."""
    return not isinstance(holder, Scope) or holder.node is None or holder in run.enclosing


def _bound(run: Engine, function: Function) -> list[Function]:
    """A method, on objects that the program made of its class; else on one as anybody makes it."""
    klass = function.klass
    if klass is None or function.me is not None:
        return [function]
    objects = made_of(run, klass)[:_MOST_OBJECTS]
    if not objects:
        call = EvaluatedCall(run, function.node, [], dict(UNASKED))
        with_init = any(
            isinstance(each, Class) and "__init__" in each.slots for each in klass.line()
        )
        if with_init:
            made = instance(klass, call)
            objects = [made] if isinstance(made, Object) else []
        objects = objects or [Object(klass)]
    return [function.bound(each, klass) for each in objects]


def parsed(texts: Mapping[str, str]) -> dict[str, ast.Module]:
    """Sources as trees; what does not parse is left out."""
    found = {}
    for path, text in texts.items():
        with contextlib.suppress(Unreadable):
            found[path] = python_of(text)
    return found
