"""What an expression of a source may be worth, as far as reading it can tell.

A value is either one of the plain ones below, which never change, or a `Holder`: what has an
identity and content of its own (a dictionary, an object, a client). What is not known is `Symbol`
by the name of where it comes from, so that the same unknown thing is known again.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from tabbydoctor.records import dataclass, field, replace
from tabbydoctor.source.budget import (
    DEEPEST_PATH,
    LONGEST_NAME,
    MOST_PARTS,
    WIDEST_NUMBER,
    TooLarge,
    text_fits,
)
from tabbydoctor.source.guards import ALWAYS, Guard

Scalar: TypeAlias = str | int | float | bool | bytes | None
SymbolName: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a source: line from 1, column from 0, in bytes of UTF-8 (as `ast` counts)."""

    file: str
    line: int
    column: int = 0


@dataclass(frozen=True, slots=True)
class Const:
    """A value that is known."""

    value: Scalar
    marked: bool = field(default=False, compare=False)
    """The source gives it a name that the reader watches for."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A value that reading cannot tell, named by where it comes from.

    `root` is for example `environment API_KEY`, `file /srv/keys.yml`, `argument chat.model`;
    `path` the keys taken from it; `likely` what it is known or supposed to be.
    """

    root: str
    path: tuple[str, ...] = ()
    likely: Const | None = None
    certain: bool = field(default=False, compare=False)
    """Whether `likely` is what it is: only where it comes from matters besides."""
    marked: bool = field(default=False, compare=False)
    place: Place | None = field(default=None, compare=False)
    checked: bool = field(default=False, compare=False)
    """Whether the code asked if it is a list before it used it."""
    trimmed: bool = field(default=False, compare=False)
    """Whether the code took white space off its ends."""

    def __post_init__(self) -> None:
        if len(self.path) > DEEPEST_PATH or len(self.root) > LONGEST_NAME:
            raise TooLarge

    @property
    def name(self) -> SymbolName:
        """What tells it from other unknown values."""
        return (self.root, *self.path)

    def part(self, key: str, place: Place | None = None, marked: bool = False) -> Symbol:
        """What stands under a key of it."""
        return Symbol(
            self.root,
            (*self.path, key),
            None,
            False,
            self.marked or marked,
            place or self.place,
            self.checked,
        )


@dataclass(frozen=True, slots=True)
class Text:
    """A string of known and unknown pieces."""

    parts: tuple[Const | Symbol, ...]


@dataclass(frozen=True, slots=True)
class Name:
    """A module, class or function of a library, by its dotted name."""

    name: str


@dataclass(frozen=True, slots=True)
class Method:
    """A method taken from a value, before its call."""

    base: Value
    name: str


@dataclass(frozen=True, slots=True)
class Partial:
    """A callable with arguments bound."""

    function: Value
    arguments: tuple[Values, ...]
    keywords: tuple[tuple[str, Values], ...]


@dataclass(frozen=True, slots=True)
class File:
    """A file opened, by path."""

    path: str | None


@dataclass(frozen=True, slots=True)
class Yielded:
    """What a generator gives: to a loop, to `with`, to whoever depends on it."""

    values: Values


_serials = itertools.count()


class Holder:
    """What has an identity: its content stands in `slots`, which only `Memory` changes."""

    __slots__ = ("serial", "slots")

    def __init__(self, slots: dict[Any, Values] | None = None) -> None:
        self.slots: dict[Any, Values] = slots if slots is not None else {}
        self.serial = next(_serials)
        """What was made later has a higher one."""


class Scope(Holder):
    """The names of a module or of one call of a function."""

    __slots__ = ("globals", "node", "outer", "receiver")

    def __init__(self, outer: Scope | None = None, node: ast.AST | None = None) -> None:
        super().__init__()
        self.outer = outer
        self.node = node
        self.globals: dict[str, Scope] = {}
        """Names declared `global` or `nonlocal`, and whose they are."""
        self.receiver: tuple[Value, Class] | None = None
        """In a method: its object, and the class that the method stands in."""


class Module(Holder):
    """A module of the program; its names are its slots."""

    __slots__ = ("name", "path", "scope")

    def __init__(self, name: str, path: str, scope: Scope) -> None:
        super().__init__(scope.slots)
        self.name, self.path, self.scope = name, path, scope


@dataclass(frozen=True, slots=True)
class Rest:
    """The key, in a dictionary's slots, of what was spread into it and is not known."""

    number: int


class Dict(Holder):
    """A dictionary: a key is the constant's own value, a `Symbol`, or `Rest`."""

    __slots__ = ()


class List(Holder):
    """A list, tuple or set; keys count from 0."""

    __slots__ = ("more",)

    def __init__(self, items: Iterable[Values] = (), more: bool = False) -> None:
        super().__init__(dict(enumerate(items)))
        self.more = more

    @property
    def items(self) -> list[Values]:
        """Its elements, those deleted left out."""
        return [each for each in self.slots.values() if each]


class Span(List):
    """`range(…)`: its first elements, and which numbers it holds."""

    __slots__ = ("span",)

    def __init__(self, span: range) -> None:
        super().__init__((only(Const(each)) for each in span[:2]), more=len(span) > 2)
        self.span = span


class Class(Holder):
    """A class of the source; its attributes are its slots."""

    __slots__ = ("bases", "dataclass", "module", "node", "scope")

    def __init__(
        self, node: ast.ClassDef, bases: tuple[Value, ...], scope: Scope, module: Module
    ) -> None:
        super().__init__()
        self.node, self.bases, self.scope, self.module = node, bases, scope, module

    def line(self) -> Iterator[Value]:
        """The class and its bases, in the order in which an attribute is looked for."""
        seen: set[int] = set()
        waiting: list[Value] = [self]
        while waiting:
            one = waiting.pop(0)
            if id(one) not in seen:
                seen.add(id(one))
                yield one
                waiting += one.bases if isinstance(one, Class) else ()


class Object(Holder):
    """An object of a class of the source."""

    __slots__ = ("of",)

    def __init__(self, of: Class) -> None:
        super().__init__()
        self.of = of


class Client(Holder):
    """An HTTP client or session: slots `base`, `headers`, `auth`, `by`."""

    __slots__ = ("library", "made", "of", "place")

    def __init__(self, library: str, place: Place | None, made: str = "", **slots: Values) -> None:
        super().__init__(dict(slots))
        self.library, self.place, self.made = library, place, made
        self.of: Class | None = None
        """The class of the source that derives it from the library's."""


class Request(Holder):
    """A request made ready to be sent later: slots `method`, `url`, `headers`, `auth`."""

    __slots__ = ("body", "library", "place")

    def __init__(self, library: str, place: Place, body: bool, **slots: Values) -> None:
        super().__init__(dict(slots))
        self.library, self.place, self.body = library, place, body


class Function:
    """A function of the source, with the scope it sees and, for a method, its object."""

    __slots__ = ("klass", "me", "module", "node", "scope")

    def __init__(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        scope: Scope,
        module: Module,
        me: Value | None = None,
        klass: Class | None = None,
    ) -> None:
        self.node, self.scope, self.module, self.me, self.klass = node, scope, module, me, klass

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Function)
            and self.node is other.node
            and self.me is other.me
            and self.scope is other.scope
        )

    def __hash__(self) -> int:
        return hash((id(self.node), id(self.me), id(self.scope)))

    def bound(self, me: Value | None, klass: Class) -> Function:
        """The function as a method of an object."""
        return Function(self.node, self.scope, self.module, me, klass)


class Known:
    """A function that the reader was told the meaning of, instead of following it."""

    __slots__ = ("meaning", "name")

    def __init__(self, name: str, meaning: Any) -> None:
        self.name, self.meaning = name, meaning


Value: TypeAlias = (
    Const | Symbol | Text | Name | Method | Partial | File | Yielded | Holder | Function | Known
)
Values: TypeAlias = tuple[tuple[Guard, Value], ...]

NOTHING = Const(None)
MODULE_NAME = ("the module's name",)
"""What `__name__` is told by: it depends on how the module is started."""
ENVIRONMENT_FILE = (".env",)
"""The path of a variable that a file of the program's own sets."""
MANY = Symbol("one of many")
"""What stands for more alternatives than are told apart."""
SOMETHING = Symbol("")


def only(value: Value) -> Values:
    """One value, whatever holds."""
    return ((ALWAYS, value),)


NONE: Values = only(NOTHING)
WHATEVER: Values = only(SOMETHING)
TRUE, FALSE = Const(True), Const(False)


def first(values: Values) -> Value:
    """The first of the values that is something, else the first."""
    for _, value in values:
        if value != NOTHING:
            return value
    return values[0][1] if values else SOMETHING


def marked(value: Value) -> Value:
    """The value, as one that the source gave a name which the reader watches for."""
    if isinstance(value, Const | Symbol) and not value.marked:
        return replace(value, marked=True)
    if isinstance(value, Text):
        return Text(tuple(replace(part, marked=True) for part in value.parts))
    return value


def text_of(*values: Value) -> Value:
    """The values written one after the other, as in an f-string. Raises TooLarge."""
    parts: list[Const | Symbol] = []
    for value in values:
        for part in value.parts if isinstance(value, Text) else (value,):
            if isinstance(part, Const):
                last = parts[-1] if parts else None
                if isinstance(last, Const):
                    joined = (last.value, part.value)
                    text_fits(sum(len(str(each)) for each in joined))
                    parts[-1] = Const("".join(map(str, joined)), last.marked or part.marked)
                else:
                    parts.append(Const(str(part.value), part.marked))
            else:
                parts.append(part if isinstance(part, Symbol) else SOMETHING)
    if len(parts) > MOST_PARTS:
        raise TooLarge
    if not parts:
        return Const("")
    return parts[0] if len(parts) == 1 and isinstance(parts[0], Const) else Text(tuple(parts))


def likely(value: Value) -> Scalar:
    """What a value most likely is; None where that cannot be told."""
    if isinstance(value, Const):
        return value.value
    if isinstance(value, Symbol):
        return value.likely.value if value.likely else None
    if isinstance(value, Text):
        texts = [likely(part) for part in value.parts]
        return None if None in texts else "".join(map(str, texts))
    return None


def likely_text(value: Value) -> str | None:
    """The string a value most likely is; None where an unknown piece has no default."""
    found = likely(value)
    return found if isinstance(found, str) else None


def plain(value: Value) -> Value:
    """A value that is known but for its origin, as the constant."""
    if isinstance(value, Symbol) and value.certain and value.likely:
        return value.likely
    return value


def known(
    value: Any,
    marks: Callable[[object], bool] | None = None,
    string: Callable[[str], Value] = Const,
) -> Value:
    """The value of parsed JSON, YAML or TOML. `marks` tells which keys are watched for, `string`
    what a text of it is worth.
    """
    if isinstance(value, dict):
        made = Dict()
        for key, inner in value.items():
            one = known(inner, marks, string)
            made.slots[key if isinstance(key, str | int | float | bool) else str(key)] = only(
                marked(one) if marks and marks(key) else one
            )
        return made
    if isinstance(value, list | tuple):
        return List(only(known(each, marks, string)) for each in value)
    if isinstance(value, str):
        return string(value)
    if isinstance(value, int) and value.bit_length() > WIDEST_NUMBER:
        return SOMETHING
    return Const(value if isinstance(value, str | int | float | bool | None) else str(value))
