"""Following a router's source from its top and from each of its functions, running nothing.

Each pass starts from what the one before learnt of module names and attributes that
functions set (clients made lazily, in a lifespan, or in `__init__`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from tabbydoctor.routers import budget, calls, comprehension
from tabbydoctor.routers.assignment import assign
from tabbydoctor.routers.budget import TooLarge, cut, overdrawn
from tabbydoctor.routers.classes import function_name, owners
from tabbydoctor.routers.evaluation import FORMS, evaluate
from tabbydoctor.routers.execution import execute
from tabbydoctor.routers.keys import Handed, is_secret
from tabbydoctor.routers.parameters import parameters
from tabbydoctor.routers.ranking import stored
from tabbydoctor.routers.trace import Trace
from tabbydoctor.routers.values import (
    SOMETHING,
    Const,
    Function,
    Response,
    Unknown,
    Value,
    from_data,
    hinted,
)
from tabbydoctor.routers.world import Outcome, World, merged

STEPS = 60_000
"""How many expressions and statements one start may follow before the rest is left unknown."""
ALL_STEPS = 150_000
"""The same for a whole pass."""
DEPTH = 7
"""How deep calls of the source's own functions are followed."""
RESULTS = 48
"""How many results of one call are followed."""

# Comprehensions assign, and assignments evaluate: they join the other forms here.
FORMS.update(comprehension.FORMS)


@dataclass
class Interpreter:
    """One pass over a source. `answer` is the status every request is taken to get."""

    tree: ast.Module
    path: str = ""
    files: Mapping[str, object] = field(default_factory=dict)
    """Path -> parsed data of configuration files at hand."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """The environment of the router's unit."""
    answer: int | None = None
    whole_environment: bool = False
    """Whether `variables` is all there is: what is not in it is not set."""
    globals: dict[str, list[Value]] = field(default_factory=dict)
    pool: dict[tuple[str, str], list[Value]] = field(default_factory=dict)
    """(class, or empty for an unknown object, attribute) -> what is ever stored there."""
    trace: Trace = field(default_factory=Trace)
    modules: Mapping[str, ast.Module] = field(default_factory=dict)
    """Modules beside the source that it may import from, by name; they send nothing themselves."""

    def __post_init__(self) -> None:
        self.functions: dict[ast.AST, tuple[Function, ast.ClassDef | None]] = {}
        self._entered: set[ast.AST] = set()
        self._stack: list[ast.AST] = []
        self._steps = STEPS
        self._left = ALL_STEPS
        self._scopes = 0
        self._imported: dict[str, Mapping[str, Value]] = {}
        self.handed: dict[Handed, None] = {}
        """Keys given to what is not followed, in the order they were."""

    # -- starting points ---------------------------------------------------------------

    def follow(self) -> None:
        """The module's own lines, then every function that nothing else called."""
        ends = execute(self, self.tree.body, World())
        sound = [end for end in ends if not end.degraded] or ends
        for end in [*sound, *ends]:
            for name, value in end.names.items():
                known = self.globals.setdefault(name, [])
                if end in sound or not known:
                    stored(known, value)
        called = _called_names(self.tree)
        waiting = sorted(self.functions, key=lambda node: function_name(node) in called)
        while waiting:
            for node in waiting:
                if node not in self._entered:
                    self.start(node)
            waiting = [node for node in self.functions if node not in self._entered]
        self._suppose()

    def again(self) -> None:
        """Another pass, with what the one before learnt."""
        self.functions.clear()
        self._entered.clear()
        self._imported.clear()
        self._left = ALL_STEPS
        self.follow()

    def _suppose(self) -> None:
        """Every function again as if called with anything: what it could do, were it asked."""
        kept = self.globals, self.pool, self.trace
        self.globals = {name: list(values) for name, values in self.globals.items()}
        self.pool = {name: list(values) for name, values in self.pool.items()}
        self.trace = Trace()
        self._left = ALL_STEPS
        for node in list(self.functions):
            if function_name(node) != "__init__" and not isinstance(node, ast.Lambda):
                self.start(node)
        supposed = [replace(sent, supposed=True) for sent in self.trace.sent]
        self.globals, self.pool, self.trace = kept
        self.trace.sent += supposed

    def start(self, node: ast.AST) -> list[World]:
        """One function with unknown arguments."""
        self._steps = STEPS
        self._entered.add(node)
        if node not in self.functions:  # its definition was not come to any more
            cut(budget.STEPS)
            return []
        function, owner = self.functions[node]
        ends: list[World] = []
        try:
            for bound in owners(self, owner) if owner else [None]:
                ready = replace(function, bound=bound) if bound is not None else function
                ends += self.enter(ready, [], {}, World())
        except TooLarge:
            cut(budget.SIZE)
        return ends

    # -- functions and classes ---------------------------------------------------------

    def defined(self, function: Function, owner: ast.ClassDef | None = None) -> None:
        """A function definition was met."""
        if not isinstance(function.node, ast.Lambda):
            self.functions[function.node] = (function, owner)

    def imported(self, module: str) -> Mapping[str, Value]:
        """What the top of a module beside the source defines; empty for any other module."""
        if module not in self._imported and module in self.modules:
            self._imported[module] = {}  # should it import itself
            self._scopes += 1  # its functions see its names
            ends = execute(self, self.modules[module].body, World(scope=self._scopes))
            self._imported[module] = ends[0].names if ends else {}
        return self._imported.get(module, {})

    @property
    def stack(self) -> tuple[ast.AST, ...]:
        """The functions being followed, innermost last."""
        return tuple(self._stack)

    def too_deep(self, node: ast.AST) -> bool:
        """Whether a call of a function is one too many, or its own."""
        if len(self._stack) >= DEPTH:
            cut(budget.DEPTH)
        return len(self._stack) >= DEPTH or node in self._stack

    def like(self, answer: int) -> Interpreter:
        """The same source, all that is learnt of it, and every request answered with a status."""
        other = Interpreter(
            self.tree,
            self.path,
            self.files,
            self.variables,
            answer,
            self.whole_environment,
            self.globals,
        )
        other.pool = {name: list(values) for name, values in self.pool.items()}
        other.functions = self.functions
        other.modules = self.modules
        return other

    def invoke(
        self,
        function: Function,
        arguments: list[Value],
        keywords: dict[str, Value],
        node: ast.AST,
        world: World,
        receivers: Mapping[str, ast.expr] | None = None,
    ) -> Iterator[Outcome]:
        """The results of calling a function of the source, in the caller's world."""
        if self.too_deep(function.node):
            yield Unknown(f"result of {function_name(function.node)}"), world
            return
        ends = self.enter(function, arguments, keywords, world)
        outcomes: list[Outcome] = []
        if len(ends) > RESULTS:
            cut(budget.PATHS)
        for end in ends[:RESULTS]:
            if end.flow == "raise" and not end.yielded:
                continue
            after = world.with_(
                globals=end.globals,
                assumed=end.assumed,
                degraded=end.degraded,
                judged=end.judged,
            )
            for name, receiver in (receivers or {}).items():
                changed = end.names.get(name)
                if changed is not None and name not in end.own_names:
                    after = next(assign(self, receiver, changed, after, quiet=True), after)
            outcomes.append((end.result, after))
        yield from outcomes or [(SOMETHING, world)]

    def enter(
        self,
        function: Function,
        arguments: list[Value],
        keywords: dict[str, Value],
        world: World,
    ) -> list[World]:
        """Every world in which a function may end."""
        node = function.node
        self._entered.add(node)
        self._scopes += 1
        outer = {**function.closure, **(world.names if world.scope == function.scope else {})}
        names = {
            **(outer if function.scope else {}),
            **parameters(self, function, arguments, keywords),
        }
        inner = World(
            names=names,
            globals=world.globals,
            assumed=world.assumed,
            degraded=world.degraded,
            scope=self._scopes,
        )
        self._stack.append(node)
        try:
            if isinstance(node, ast.Lambda):
                outcomes = evaluate(self, node.body, inner)
                return [then.with_(flow="return", result=value) for value, then in outcomes]
            ends = execute(self, node.body, inner)
        finally:
            self._stack.pop()
        for end in ends:
            for name in end.declared_global & set(end.globals):
                stored(self.globals.setdefault(name, []), end.globals[name])
        return merged([end.with_(names=_kept(end, names)) for end in ends], RESULTS * 2)

    def receiver(self, world: World) -> Value:
        """The object whose method is being followed."""
        node = self._stack[-1] if self._stack else None
        parameters = getattr(getattr(node, "args", None), "args", [])
        return world.names.get(parameters[0].arg, SOMETHING) if parameters else SOMETHING

    # -- names, attributes, entries ----------------------------------------------------

    # -- what the outside gives --------------------------------------------------------

    def environment(self, name: str, line: int, default: Value | None = None) -> Value:
        """An environment variable of the router. A secret one keeps its value to itself."""
        self.trace.environment.setdefault(name, line)
        if name in self.variables and not is_secret(name):
            return hinted(Const(self.variables[name]), name)
        likely = default if isinstance(default, Const) and default.value is not None else None
        if self.whole_environment and default is not None and not is_secret(name):
            return hinted(default, name)
        if self.lacks(name):
            return Const(None) if default is None else hinted(default, name)
        unset = Unknown(f"environment {name}", likely=likely, line=line)
        return hinted(unset, name)

    def lacks(self, name: str) -> bool:
        """Whether a secret variable is known not to be there: then it is given as empty."""
        return is_secret(name) and self.variables.get(name) == ""

    def file_data(self, path: str | None, line: int) -> Value:
        """The parsed content of a file: known where it is at hand."""
        if path is not None and path in self.files:
            return from_data(self.files[path])
        return Unknown(f"file {path or ''}", line=line)

    def status(self, response: Response) -> Value:
        """The status code of an answer."""
        if self.answer is None:
            return Unknown(f"status {response.place.line}")
        return Const(self.answer)

    def succeeded(self, response: Response, negated: bool) -> Value:
        """Whether an answer is a success."""
        if self.answer is None:
            return Unknown(f"success {response.place.line}")
        return Const((self.answer < 400) != negated)

    # -- bookkeeping -------------------------------------------------------------------

    def call(self, node: ast.Call, world: World) -> Iterator[Outcome]:
        """The results of a call."""
        yield from calls.call(self, node, world)

    def spend(self) -> bool:
        """Whether there is effort left; takes one step of it."""
        self._steps -= 1
        self._left -= 1
        if self._left % 32 == 0 and overdrawn():
            self._left = 0
        if self.spent:
            cut(budget.STEPS)
        return not self.spent

    @property
    def spent(self) -> bool:
        """Whether no effort is left."""
        return self._steps <= 0 or self._left <= 0


def _kept(end: World, parameters: Mapping[str, Value]) -> dict[str, Value]:
    """Of a function's names only the parameters matter once it has ended."""
    return {name: end.names[name] for name in parameters if name in end.names}


def _called_names(tree: ast.Module) -> set[str]:
    """Every name that is called or handed on somewhere."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
    return names
