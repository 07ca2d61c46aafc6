"""Following a program: the state of one reading, and the one place that evaluates and executes.

What each kind of expression, statement, library function or method does stands in the modules
beside, which register here; so none of them needs to import another.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from tabbydoctor.records import dataclass, field
from tabbydoctor.source import budget
from tabbydoctor.source.guards import ALWAYS, Guard, any_of, both, common, without
from tabbydoctor.source.index import Piece
from tabbydoctor.source.memory import MOST_VALUES, Arm, Changes, Memory, trimmed
from tabbydoctor.source.secret_names import is_secret
from tabbydoctor.source.seen import Seen
from tabbydoctor.source.values import (
    NONE,
    NOTHING,
    SOMETHING,
    WHATEVER,
    Client,
    Const,
    Dict,
    Holder,
    List,
    Module,
    Name,
    Place,
    Request,
    Scope,
    Symbol,
    Value,
    Values,
    first,
    likely_text,
    marked,
    only,
)

Flow: TypeAlias = str
"""How a statement ends: it goes on (empty), by `return`, `raise`, or `loop`: break, continue."""
Expression: TypeAlias = "Callable[[Engine, Any], Values]"
Statement: TypeAlias = "Callable[[Engine, Any], Flow]"
EXPRESSIONS: dict[type[ast.expr], Expression] = {}
STATEMENTS: dict[type[ast.stmt], Statement] = {}
_THROUGHOUT = (Dict, List, Client, Request)
"""What is asked for all that it holds; names, objects and classes by name."""
DEEPEST = 24
"""Calls in each other."""
STEPS_A_LINE, FEWEST_STEPS = 15, 40_000
"""How many statements and calls are followed, by the size of the program."""


UNASKED: Mapping[str, Values] = {"*unknown": NONE}
"""The arguments of a call from outside: nobody knows them."""


class Raised(Exception):  # noqa: N818 - what the followed code does
    """What is followed surely raises here."""


@dataclass(slots=True)
class Frame:
    """One call of a function (or a module) that is being followed."""

    scope: Scope
    module: Module
    node: ast.AST
    entered: Guard
    returns: list[tuple[Guard, Value]] = field(default_factory=list)
    yields: list[tuple[Guard, Value]] = field(default_factory=list)
    exits: list[Guard] = field(default_factory=list)
    jumps: list[list[Guard]] = field(default_factory=list)
    """Of each loop that is being followed: the paths that leave its round by break or continue."""


@dataclass(slots=True)
class EvaluatedCall:
    """A call with its arguments evaluated."""

    run: Engine
    node: ast.AST
    arguments: list[Values]
    keywords: dict[str, Values]
    receiver: ast.expr | None = None
    """The expression whose method is called."""

    def values(self, index: int, keyword: str = "") -> Values | None:
        """An argument by position or name; None where it is not given."""
        if keyword and keyword in self.keywords:
            return self.keywords[keyword]
        return self.arguments[index] if 0 <= index < len(self.arguments) else None

    def value(self, index: int, keyword: str = "") -> Value:
        """The first of the values an argument may have; SOMETHING where it is not given."""
        found = self.values(index, keyword)
        return first(found) if found else SOMETHING

    def text(self, index: int, keyword: str = "") -> str | None:
        """An argument as the string it most likely is."""
        return likely_text(self.value(index, keyword))

    @property
    def place(self) -> Place:
        """Where the call stands."""
        return self.run.place(self.node)

    def giving(self, *arguments: Values, **keywords: Values) -> EvaluatedCall:
        """Another call at the same place."""
        return EvaluatedCall(self.run, self.node, list(arguments), keywords)

    def result(self, name: str = "result") -> Values:
        """A result that is not known."""
        at = self.place
        return only(Symbol(f"{name} {at.file}:{at.line}:{at.column}", place=at))

    def everything(self) -> Iterable[Values]:
        """All arguments."""
        return (*self.arguments, *self.keywords.values())


def _is_expected(guard: Guard) -> bool:
    """That no exception is raised goes without saying, but where it is told from its handler."""
    return len(guard) == 1 and next(iter(guard))[0][0] == "exception" and not next(iter(guard))[3]


def _met(before: Guard, going: Sequence[tuple[Guard, Guard]]) -> Guard:
    """What holds behind branches that go on: more than before where one of them ruled out more."""
    gained = [path - before for path, _ in going]
    if all(gain <= guard for gain, (_, guard) in zip(gained, going, strict=True)):
        return before
    return both(before, common(gained) | any_of(gained)) or before


class Engine:
    """Follows a program once; see `reading.read`."""

    strict = False
    """Whether a fault of this reader is raised, as its tests want it, instead of told as a cut."""

    def __init__(
        self,
        environment: Mapping[str, str] | None,
        directory: str,
        files: Mapping[str, Callable[[], Value | None]],
        marks: Callable[[object], bool],
        lines: int,
    ) -> None:
        self.environment = environment
        self.directory = directory
        self.files = files
        self.marks = marks
        self.memory = Memory()
        self.seen = Seen()
        self.path: Guard = ALWAYS
        self.frames: list[Frame] = []
        self.stack: tuple[ast.AST, ...] = ()
        self.supposing = False
        self.enclosing: set[Scope] = set()
        """Whose names functions in them see."""
        self.entered: set[ast.AST] = set()
        self.called_at: set[ast.AST] = set()
        """The calls that were come to."""
        self.objects = Holder()
        """Class -> the objects made of it."""
        self.pool = Holder()
        """What was put under a name of something unknown: `app.state.client = …`."""
        self.variables: dict[str, Value] = {}
        """Environment variables that the program sets itself."""
        self.parts: dict[ast.AST, Piece] = {}
        """What stands in each function and class."""
        self.reaching: frozenset[str] = frozenset()
        """Names of functions from which a request may be sent."""
        self.short = False
        """Whether what is followed can send nothing: how far is no matter."""
        self.midway: list[Changes] = []
        """What stood in names and objects when a generator yielded: others run meanwhile."""
        self.options: dict[str, str] = {}
        """What the command line gives: `--url` -> its value."""
        self.modules: dict[str, Module] = {}
        self.importing: Callable[[Engine, str, int, str], Module | None] = lambda *_: None
        self.handing: Callable[[EvaluatedCall], None] = lambda call: None
        self.called: Callable[[Value, EvaluatedCall], Values] = lambda _, call: call.result()
        self.done: dict[object, list[Any]] = {}
        """What calls of functions did, by what they were given."""
        self.made: dict[object, tuple[Holder, dict[Any, Values]]] = {}
        """Objects by where and of what they were made, and what they held then."""
        self.times: dict[ast.AST, int] = {}
        """How often each was followed."""
        self.attempts = 0
        """`try` statements followed so far: each time is another that may fail."""
        self.steps = max(FEWEST_STEPS, STEPS_A_LINE * lines)
        self.texts: dict[ast.AST, str] = {}

    # --- places and limits -------------------------------------------------------------------

    @property
    def frame(self) -> Frame:
        """The call that is being followed."""
        return self.frames[-1]

    def place(self, node: ast.AST) -> Place:
        """Where a node stands."""
        return Place(
            self.frame.module.path, getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
        )

    def spend(self) -> bool:
        """Take a step; False where none is left."""
        self.steps -= 1
        if self.steps < 0:
            if not self.short:
                budget.cut(budget.STEPS)
            return False
        if not self.steps & 127 and budget.overdrawn():
            self.steps = 0
            return False
        return True

    def code(self, node: ast.AST) -> str:
        """A node's code, for telling tests apart."""
        if node not in self.texts:
            self.texts[node] = ast.unparse(node)
        return self.texts[node]

    def data(self, path: str | None) -> Value | None:
        """What a configuration file holds; None where that is not known."""
        given = self.files.get(path or "")
        return given() if given is not None else None

    # --- expressions -------------------------------------------------------------------------

    def evaluate(self, node: ast.expr | None) -> Values:
        """What an expression may be worth, under which guards; never empty."""
        if node is None:
            return ((ALWAYS, NOTHING),)
        handler = EXPRESSIONS.get(type(node))
        if handler is None or self.steps < 0:
            return WHATEVER
        try:
            found = handler(self, node)
        except budget.TooLarge:
            budget.cut(budget.SIZE)
            return WHATEVER
        for _, value in found:
            if isinstance(value, _THROUGHOUT):
                self.memory.look_through(value)
        return self.possible(found) or WHATEVER

    def possible(self, values: Values) -> Values:
        """Those of the values that the present path does not exclude."""
        if len(values) < 2 or not self.path:
            return values
        path = self.path
        return tuple(each for each in values if both(each[0], path) is not None)

    def one(self, node: ast.expr | None) -> Value:
        """The first of an expression's values."""
        return first(self.evaluate(node))

    def each(self, values: Values, give: Callable[[Value], Values]) -> Values:
        """What something gives for each alternative, under its guard."""
        if len(values) == 1 and not values[0][0]:
            return give(values[0][1])
        found: list[tuple[Guard, Value]] = []
        kept = self.path
        for guard, value in values:
            path = both(kept, guard)
            if path is None:
                continue
            self.path = path
            for inner, result in give(value):
                if (under := both(guard, inner)) is not None:
                    found.append((under, result))
        self.path = kept
        return trimmed(found)

    def pairs(self, one: Values, other: Values, give: Callable[[Value, Value], Value]) -> Values:
        """What something gives for each pair of alternatives that may stand together."""
        if len(one) == 1 and len(other) == 1:
            guard = both(one[0][0], other[0][0])
            return () if guard is None else ((guard, give(one[0][1], other[0][1])),)
        found = []
        for guard, left in one:
            for inner, right in other:
                if (under := both(guard, inner)) is not None:
                    found.append((under, give(left, right)))
                    if len(found) > MOST_VALUES:
                        return trimmed(found)
        return trimmed(found)

    # --- statements --------------------------------------------------------------------------

    def execute(self, body: Sequence[ast.stmt]) -> Flow:
        """Follow statements one after the other."""
        for node in body:
            handler = STATEMENTS.get(type(node))
            if handler is not None:
                if not self.spend():
                    return ""
                try:
                    flow = handler(self, node)
                except Raised:
                    flow = "raise"
                except budget.TooLarge:
                    budget.cut(budget.SIZE)
                    flow = ""
                except RecursionError:
                    raise
                except Exception:
                    if self.strict:
                        raise
                    place = self.place(node)
                    budget.cut(f"{place.file}:{place.line} could not be followed")
                    flow = ""
                if flow:
                    return flow
        return ""

    def branch(self, arms: Iterable[tuple[Guard, Callable[[], Flow]]]) -> Flow:
        """Follow branches of which one is taken, each under its guard, and join what they did."""
        before = self.path
        done: list[Arm] = []
        flows: list[tuple[Flow, Guard, Guard]] = []
        for guard, follow in arms:
            path = before if _is_expected(guard) else both(before, guard)
            if path is None:
                continue
            self.path = path
            mark = len(self.memory.trail)
            flow = follow()
            flows.append((flow, self.path, guard))
            changes = self.memory.undo(mark)
            if flow != "raise":
                done.append(Arm(guard, changes, flow in ("", "loop")))
        self.path = before
        if not flows:
            return ""
        self.memory.join(done, self.frame.scope)
        going = [(path, guard) for flow, path, guard in flows if not flow]
        if going:
            if len(going) == 1:
                self.path = going[0][0]
            elif not self.short:
                self.path = _met(before, going)
            return ""
        said = {flow for flow, _, _ in flows}
        return next(flow for flow in ("loop", "return", "raise") if flow in said)

    # --- names -------------------------------------------------------------------------------

    def scopes(self) -> Iterator[Scope]:
        """Whose names are seen here, the innermost first."""
        scope: Scope | None = self.frame.scope
        while scope is not None:
            yield scope
            scope = scope.outer

    def lookup(self, name: str) -> Values:
        """What a name stands for here."""
        scope: Scope | None = self.frame.scope
        scope = scope.globals.get(name, scope) if scope else None
        if scope is not None and scope.node is not None and name not in scope.slots:
            part = self.parts.get(scope.node)  # its own, whatever is called so around it
            if part is not None and name in part.assigned:
                return ((ALWAYS, Symbol(f"unset {name}")),)
        while scope is not None:
            found = scope.slots.get(name)
            self.memory.look(scope, name)
            if found:
                return found
            scope = scope.outer
        return ((ALWAYS, Name(f"builtins.{name}")),)

    def bind(self, name: str, values: Values) -> None:
        """Give a name of the running call some values."""
        scope = self.frame.scope
        self.memory.write(scope.globals.get(name, scope), name, self.under(name, values))

    def under(self, name: Any, values: Values) -> Values:
        """The values, marked where the name is one that the reader watches for."""
        if not self.marks(name):
            return values
        return tuple((guard, marked(value)) for guard, value in values)

    def remember(self, key: Any, values: Values) -> None:
        """Note what was put under a name of something unknown."""
        self.memory.write(self.pool, key, trimmed((*values, *self.pool.slots.get(key, ()))))

    def remembered(self, key: Any) -> Values | None:
        """What was put under a name of something unknown."""
        self.memory.look(self.pool, key)
        return self.pool.slots.get(key)

    def leave(self, values: Values, line: int = 0) -> None:
        """Note what the running call returns."""
        frame = self.frame
        told = self.seen.returned.setdefault(frame.node, {})
        for guard, value in values:
            under = both(guard, self.path)
            if under is not None:
                said = without(under, frame.entered)
                frame.returns.append((said, value))
                told.setdefault((said, value, line))
        frame.exits.append(self.path)

    def variable(
        self, name: str, node: ast.AST, default: Values | None, *, asked: bool = True
    ) -> Values:
        """What an environment variable holds. `asked`: the source names it itself."""
        place = self.place(node)
        if asked:
            self.seen.environment.setdefault(name, place)
        root, is_marked = f"environment {name}", self.marks(name)
        if name in self.variables:
            return only(self.variables[name])
        if given := self.remembered(("os.environ", name)):
            return given
        if self.environment is not None and name in self.environment:
            held = Const(self.environment[name], is_marked)
            return only(Symbol(root, (), held, True, is_marked, place))
        known = self.environment is not None
        value = first(default) if default else NOTHING
        if isinstance(value, Const) and value.value is not None:
            certain = known and not is_secret(name)
            return only(Symbol(root, (), value, certain, is_marked or value.marked, place))
        unset = Symbol(root, (), None, False, is_marked, place)
        if default and value != NOTHING:
            return (*default, (ALWAYS, unset)) if not known else default
        return only(unset)
