"""What an expression of a router's source may be worth, as far as reading it can tell."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from tabbydoctor.routers.budget import (
    DEEPEST_PATH,
    LONGEST_NAME,
    LONGEST_TEXT,
    MOST_PARTS,
    WIDEST_NUMBER,
    TooLarge,
    text_fits,
)

Scalar: TypeAlias = str | int | float | bool | bytes | None


def _weigh(value: Any, parts: Iterable[Any], limit: int = MOST_PARTS) -> None:
    """Note how much a value holds, all the way down. Raises TooLarge."""
    weight = 1
    for part in parts:
        weight += getattr(part, "weight", 1)
        if weight > limit:
            raise TooLarge
    object.__setattr__(value, "weight", weight)


@dataclass(frozen=True, slots=True)
class Const:
    """A value that is known. `hint` tells that the source names it after TabbyAPI."""

    value: Scalar
    hint: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        value = self.value
        if isinstance(value, str | bytes):
            if len(value) > LONGEST_TEXT:
                raise TooLarge
        elif isinstance(value, int) and value.bit_length() > WIDEST_NUMBER:
            raise TooLarge


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that reading cannot tell, named by where it comes from.

    `root` is for example `environment TABBY_API_KEY`, `file /srv/api_tokens.yml`,
    `argument chat.model`; `path` the keys taken from it; `likely` a default.
    """

    root: str
    path: tuple[str, ...] = ()
    likely: Const | None = None
    hint: bool = field(default=False, compare=False)
    line: int = field(default=0, compare=False)
    checked: bool = field(default=False, compare=False)
    """Whether the code asked if it is a list before it used it."""
    trimmed: bool = field(default=False, compare=False)
    """Whether the code took white space off its ends."""

    def __post_init__(self) -> None:
        if len(self.path) > DEEPEST_PATH or len(self.root) > LONGEST_NAME:
            raise TooLarge

    @property
    def name(self) -> tuple[str, ...]:
        """What tells it from other unknown values."""
        return (self.root, *self.path)

    def part(self, key: str, line: int, likely: Const | None = None) -> Unknown:
        """What stands under a key of it."""
        return Unknown(
            self.root, (*self.path, key), likely, self.hint or named_tabby(key), line, self.checked
        )


@dataclass(frozen=True, slots=True)
class Text:
    """A string of known and unknown pieces."""

    parts: tuple[Const | Unknown, ...]
    weight: int = field(default=1, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        _weigh(self, self.parts)
        if sum(len(_likely_piece(part) or "") for part in self.parts) > LONGEST_TEXT:
            raise TooLarge


@dataclass(frozen=True, slots=True)
class Table:
    """A dictionary. `rest` is what else was spread into it, where that is unknown."""

    items: tuple[tuple[Value, Value], ...] = ()
    rest: Unknown | None = None
    weight: int = field(default=1, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        _weigh(self, (part for item in self.items for part in item))

    def get(self, key: Value) -> Value | None:
        """What stands under a key."""
        return next((value for name, value in self.items if name == key), None)

    def put(self, key: Value, value: Value) -> Table:
        """The table with one entry set."""
        kept = tuple(item for item in self.items if item[0] != key)
        return Table((*kept, (key, value)), self.rest)

    def drop(self, key: Value) -> Table:
        """The table without an entry."""
        return Table(tuple(item for item in self.items if item[0] != key), self.rest)

    def merged(self, other: Value) -> Table:
        """The table with another one laid over it."""
        if isinstance(other, Table):
            result = Table(self.items, other.rest or self.rest)
            for key, value in other.items:
                result = result.put(key, value)
            return result
        return Table(self.items, other) if isinstance(other, Unknown) else self


@dataclass(frozen=True, slots=True)
class Items:
    """A list, tuple or set; `more` where it may hold others too."""

    items: tuple[Value, ...] = ()
    more: bool = False
    weight: int = field(default=1, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        _weigh(self, self.items)


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the source, with the names it sees and, for a method, its object."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    closure: Mapping[str, Value] = field(default_factory=dict, compare=False)
    scope: int = field(default=0, compare=False)
    bound: Value | None = None
    weight: int = field(default=1, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        _weigh(self, (self.bound,))


@dataclass(frozen=True, slots=True)
class Class:
    """A class of the source."""

    node: ast.ClassDef
    bases: tuple[Value, ...] = ()
    attributes: tuple[tuple[str, Value], ...] = ()
    weight: int = field(default=1, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        _weigh(self, (*self.bases, *(value for _, value in self.attributes)))


@dataclass(frozen=True, slots=True)
class Instance:
    """An object of a class of the source."""

    of: Class
    attributes: tuple[tuple[str, Value], ...] = ()
    hint: bool = field(default=False, compare=False)
    weight: int = field(default=1, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        _weigh(self, (self.of, *(value for _, value in self.attributes)))

    def get(self, name: str) -> Value | None:
        """An attribute set on the object itself."""
        return dict(self.attributes).get(name)

    def put(self, name: str, value: Value) -> Instance:
        """The object with one attribute set."""
        return replace(self, attributes=tuple({**dict(self.attributes), name: value}.items()))


@dataclass(frozen=True, slots=True)
class External:
    """A module, class or function of a library, by its dotted name."""

    name: str


@dataclass(frozen=True, slots=True)
class Bound:
    """A method taken from a value, before its call; or a function with arguments bound."""

    base: Value
    name: str
    arguments: tuple[Value, ...] = ()
    keywords: tuple[tuple[str, Value], ...] = ()
    weight: int = field(default=1, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        _weigh(self, (self.base, *self.arguments, *(value for _, value in self.keywords)))


@dataclass(frozen=True, slots=True)
class Place:
    """A position in the source: line from 1, column from 0, in characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Client:
    """An HTTP client or session. `place` is its constructor; None where it was handed in."""

    library: str
    place: Place | None = None
    base: Value = Const("")
    headers: Value = field(default_factory=Table)
    auth: Value = Const(None)
    path: str = ""
    """For openai: the attributes taken so far, `chat.completions`."""
    by: Value = Const(None)
    """The HTTP client it was given to send with, for openai."""
    weight: int = field(default=1, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        _weigh(self, (self.base, self.headers, self.auth, self.by))
        if len(self.path) > LONGEST_NAME:
            raise TooLarge


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request made ready to be sent later (`build_request`, `urllib.request.Request`)."""

    place: Place
    library: str
    method: Value
    url: Value
    headers: Value
    body: bool = False
    auth: Value = Const(None)
    weight: int = field(default=1, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        _weigh(self, (self.method, self.url, self.headers, self.auth))


@dataclass(frozen=True, slots=True)
class Marked:
    """A function of the marked block in a wired router; as `auth`, what adds TabbyAPI's key."""

    name: str
    key: Unknown
    addresses: frozenset[tuple[str, int]]
    """(host, port) of the servers that get the key."""
    overrides: bool = False
    """Whether other keys give way to it."""


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to a request."""

    place: Place


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file opened, by path."""

    path: str | None


Value: TypeAlias = (
    Const
    | Unknown
    | Text
    | Table
    | Items
    | Function
    | Class
    | Instance
    | External
    | Bound
    | Client
    | Prepared
    | Marked
    | Response
    | OpenFile
)

NOTHING = Const(None)
SOMETHING = Unknown("")


def from_caller(value: Unknown) -> bool:
    """Whether it is a header of the request that a router got."""
    words = value.path if "headers" in value.path else (value.root.rpartition(".")[2],)
    return any(word.lower() in ("authorization", "x-api-key") for word in words)


def named_tabby(name: object) -> bool:
    """Whether a name speaks of TabbyAPI."""
    return isinstance(name, str) and "tabby" in name.lower()


def hinted(value: Value, name: object) -> Value:
    """The value, marked if the name it is given speaks of TabbyAPI."""
    if named_tabby(name):
        if isinstance(value, Const | Unknown | Instance):
            return replace(value, hint=True)
        if isinstance(value, Text):
            return Text(tuple(replace(part, hint=True) for part in value.parts))
    return value


def from_data(data: Any) -> Value:
    """The value of parsed JSON, YAML or TOML."""
    if isinstance(data, Mapping):
        pairs = ((Const(str(key)), hinted(from_data(value), key)) for key, value in data.items())
        return Table(tuple(pairs))
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return Items(tuple(from_data(item) for item in data))
    return Const(data if isinstance(data, str | int | float | bool | None) else str(data))


def text_of(*values: Value) -> Value:
    """The values written one after the other, as in an f-string."""
    pieces = [
        part
        for value in values
        for part in (value.parts if isinstance(value, Text) else (_piece(value),))
    ]
    parts: list[Const | Unknown] = []
    for known, run in itertools.groupby(pieces, lambda piece: isinstance(piece, Const)):
        every = list(run)
        parts += [_joined(every)] if known else every
    if not parts:
        return Const("")
    return parts[0] if len(parts) == 1 and isinstance(parts[0], Const) else Text(tuple(parts))


def _piece(value: Value) -> Const | Unknown:
    if isinstance(value, Const | Unknown):
        return value
    return SOMETHING


def _joined(pieces: Sequence[Const | Unknown]) -> Const:
    """Constants as one string."""
    texts = [str(each.value) for each in pieces if isinstance(each, Const)]
    return built("".join, texts, sum(map(len, texts)), any(each.hint for each in pieces))


def built(make: Callable[..., str], given: Any, length: int, hint: bool = False) -> Const:
    """A string made of what is given, if its length may be followed. Raises TooLarge."""
    text_fits(length)
    return Const(make(given), hint)


def likely_text(value: Value) -> str | None:
    """The string a value most likely is; None where an unknown piece has no default."""
    if isinstance(value, Const):
        return value.value if isinstance(value.value, str) else None
    if isinstance(value, Unknown):
        return str(value.likely.value) if value.likely else None
    if isinstance(value, Text):
        pieces = [_likely_piece(part) for part in value.parts]
        known = [piece for piece in pieces if piece is not None]
        return "".join(known) if len(known) == len(pieces) else None
    return None


def _likely_piece(part: Const | Unknown) -> str | None:
    if isinstance(part, Const):
        return str(part.value)
    return str(part.likely.value) if part.likely else None


def truth(value: Value) -> bool | None:
    """What `bool()` says of it; None where that cannot be told."""
    match value:
        case Const():
            return bool(value.value)
        case Text(parts=parts):
            return True if any(isinstance(p, Const) and p.value for p in parts) else None
        case Table(items=items, rest=rest):
            return True if items else (None if rest else False)
        case Items(items=items, more=more):
            return True if items else (None if more else False)
        case Unknown() | Bound():
            return None
    return True
