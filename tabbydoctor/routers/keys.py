"""Which key a request carries, and where the router has it from."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field, replace

from tabbydoctor.routers.ranking import plain
from tabbydoctor.routers.trace import Sent
from tabbydoctor.routers.urls import server, target
from tabbydoctor.routers.values import (
    NOTHING,
    Client,
    Const,
    Function,
    Instance,
    Items,
    Marked,
    Table,
    Text,
    Unknown,
    Value,
    likely_text,
)

HEADERS = ("authorization", "x-api-key", "x-admin-key")
CLIENT_OWN = "the client's own header"
"""What a caller sent is handed on: no key of TabbyAPI's is."""
WORKED_OUT = "a value worked out while it runs"
ADDED = ", which adds it"
PLACEHOLDERS = re.compile(
    r"(|none|null|empty|dummy|fake|test|x+|-+|\*+|ollama|lm-studio|(sk-)?no-?key.*|not-?needed|"
    r"(sk-)?(your|my).*|unused|n/?a|sk-(1+|x+|test|local|dummy|fake)|key|api[-_]?key|changeme)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Key:
    """The key of one request. `sends` is None where it cannot be told."""

    sends: bool | None
    source: str = ""
    value: Value = NOTHING
    admin: bool = False
    line: int = 0
    literal: str = field(default="", repr=False)
    only_tabby: bool = False
    """The code that adds it looks at where the request goes."""
    added_for: frozenset[tuple[str, int]] | None = None
    """The servers it is added for, by the marked block; None where that is not told."""
    overrides: bool = False
    """Whether other keys give way to it."""

    @property
    def of_router(self) -> bool | None:
        """Whether the router sends a key by itself: what its callers send is none of its own."""
        return False if self.source == CLIENT_OWN else self.sends

    def goes_to(self, server: tuple[str, int] | None) -> bool:
        """Whether a server gets it; one that is not known may."""
        return server is None or self.added_for is None or server in self.added_for


@dataclass(frozen=True, slots=True)
class Handed:
    """What may be a key, handed to something that is not followed: it may send it anywhere."""

    value: Unknown
    line: int
    urls: tuple[str, ...] = ()
    """The URLs that are handed on with it."""

    @property
    def named_secret(self) -> bool:
        """Whether the variable or the entry of a file is called a key."""
        kind, _, name = self.value.root.partition(" ")
        last = self.value.path[-1] if self.value.path else ""
        return is_secret(last or (name if kind == "environment" else ""))

    def holds_any(self, keys: Iterable[Key]) -> bool:
        """Whether it is one of some keys, or the data that one is taken from."""
        own = self.value.name
        values = [key.value for key in keys]
        return any(isinstance(each, Unknown) and each.name[: len(own)] == own for each in values)

    def goes_to(self, servers: Container[tuple[str, int] | None]) -> bool:
        """Whether the URLs that are handed on with it are all of some servers."""
        return bool(self.urls) and all(server(url) in servers for url in self.urls)


NO_KEY = Key(False)
_LOOKED_AT = 200
"""How many values are looked at for one."""
_SECRET = re.compile(r"key|token|secret|passw|credential", re.IGNORECASE)
_NOT_SECRET = re.compile(r"(path|file|dir|directory|url|header|name|port|host)$", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether a variable of that name may hold a key (rather than say where one is)."""
    return bool(_SECRET.search(name)) and not _NOT_SECRET.search(name)


def handed(values: Iterable[Value], line: int) -> Iterator[Handed]:
    """What is handed on with some values of what files and environment variables hold: as it
    is, or by a file's path.
    """
    flat = list(_flat(values))
    urls = tuple(base for each in flat if (base := target(each).base))
    for value in flat:
        path = likely_text(value) or ""
        if path.startswith("/"):
            yield Handed(Unknown(f"file {posixpath.normpath(path)}"), line, urls)
        for part in value.parts if isinstance(value, Text) else (value,):
            if isinstance(part, Unknown) and part.root.startswith(("file ", "environment ")):
                yield Handed(part, line, urls)


def _flat(values: Iterable[Value]) -> Iterator[Value]:
    """What stands in lists and tables, however deep."""
    waiting = list(values)
    for _ in range(_LOOKED_AT):
        if not waiting:
            break
        match plain(waiting.pop()):
            case Items(items=items):
                waiting += items
            case Table(items=entries, rest=rest):
                waiting += [value for _, value in entries] + ([rest] if rest else [])
            case value:
                yield value


def key_of(sent: Sent, clients: Iterable[Client], server: tuple[str, int] | None) -> Key:
    """The key that a request to a server carries."""
    client = sent.client
    sources = [_in_headers(sent.headers), _by_hook(sent.auth)]
    if client is not None and client.place is None:
        sources.append(_agreed([_of_client(each) for each in clients if _kin(each, client)]))
    elif client is not None:
        sources += [_of_client(client)]
    found = [key for key in sources if key.sends is not False and key.goes_to(server)]
    certain = [key for key in found if key.sends]
    certain.sort(key=lambda key: not key.overrides)
    callers = [key for key in found if key.source == CLIENT_OWN]
    if callers and not any(key.overrides for key in certain):
        return _compared(sent) or callers[0]  # laid over the client's own headers
    return (certain or found or [NO_KEY])[0]


def _compared(sent: Sent) -> Key | None:
    """The key that every caller is known to send: what came was compared with it before."""
    for assumptions in sent.world.assumed.values():
        for operator, operand, holds in assumptions:
            key = _from_value(operand) if operator == "same" and holds else NO_KEY
            if key.sends and key.source != WORKED_OUT:
                return key
    return None


def _kin(one: Client, other: Client) -> bool:
    return other.library in ("unknown", one.library)


def _agreed(keys: list[Key]) -> Key:
    """What a client that was handed in carries: what every client made here does."""
    if not keys:
        return NO_KEY
    return keys[0] if all(key.sends == keys[0].sends for key in keys) else Key(None)


def _of_client(client: Client) -> Key:
    in_headers = _in_headers(client.headers)
    if client.library == "openai":
        added = _of_client(client.by) if isinstance(client.by, Client) else NO_KEY
        own = _from_value(client.auth)
    else:
        added = own = _by_hook(client.auth)
    if added.overrides:
        return added
    if in_headers.sends is not False:
        return in_headers
    return own if own.sends is True else added if added.sends is not False else own


def _in_headers(headers: Value) -> Key:
    if isinstance(headers, Table):
        for key, value in headers.items:
            if isinstance(key, Const) and str(key.value).lower() in HEADERS:
                found = _from_value(value)
                if found.sends is not False:
                    admin = found.admin or str(key.value).lower() == "x-admin-key"
                    return Key(
                        found.sends, found.source, found.value, admin, found.line, found.literal
                    )
        if headers.rest:
            return _in_headers(headers.rest)
        unnamed = any(not isinstance(key, Const) for key, _ in headers.items)
        return Key(None) if unnamed else NO_KEY  # one of them may be the header
    if isinstance(headers, Unknown) and headers.root:
        return _carried(headers)
    if headers == NOTHING or isinstance(headers, Items):
        return _in_headers(_paired(headers)) if isinstance(headers, Items) else NO_KEY
    return Key(None)


def _paired(headers: Items) -> Table:
    pairs = [each.items for each in headers.items if isinstance(each, Items)]
    return Table(tuple((pair[0], pair[1]) for pair in pairs if len(pair) == 2))


def _carried(headers: Unknown) -> Key:
    """Headers that are not known: those of the incoming request, or anything."""
    if headers.root.endswith("without authorization"):
        return NO_KEY
    return Key(None, CLIENT_OWN if _incoming(headers) else "")


def _incoming(value: Unknown) -> bool:
    words = f"{value.root} {' '.join(value.path)}".lower()
    return any(word in words for word in ("request", "headers", "argument", "authorization"))


def _from_value(value: Value) -> Key:
    """The key in the value of a header (or given to an OpenAI client)."""
    match value:
        case Const(value=str(text)):
            bare = re.sub(r"^(bearer|token)\s*", "", text.strip(), flags=re.IGNORECASE)
            if PLACEHOLDERS.fullmatch(bare):
                return NO_KEY
            return Key(True, "a key written in the source", value, literal=bare)
        case Const():
            return NO_KEY
        case Unknown():
            return _from_unknown(value)
        case Text(parts=parts):
            unknown = [part for part in parts if isinstance(part, Unknown)]
            return _from_unknown(unknown[0]) if unknown else NO_KEY
    return Key(None)


def _from_unknown(value: Unknown) -> Key:
    words = [value.root, *(word for word in value.path if not word.lstrip("-").isdigit())]
    admin = any("admin" in word.lower() for word in value.path) or "ADMIN" in value.root
    if value.root.startswith("environment "):
        return Key(True, value.root, value, admin, value.line)
    if value.root.startswith("file "):
        name = value.root[5:].rpartition("/")[2] or "a file"
        return Key(True, " ".join([name, *words[1:]]), value, admin, value.line)
    if value.root.startswith("argument ") and "authorization" in " ".join(words).lower():
        return Key(None, CLIENT_OWN, value)
    if "headers" in value.path:
        return Key(None, CLIENT_OWN, value)
    return Key(True, WORKED_OUT, value, admin, value.line)


def _by_hook(auth: Value) -> Key:
    """The key that an `auth=` object, an event hook or a middleware adds."""
    if isinstance(auth, Items):
        hooks = [each for each in auth.items if isinstance(each, Function | Instance | Marked)]
        keys = [_by_hook(each) for each in hooks]
        return next((key for key in keys if key.sends), NO_KEY)
    if isinstance(auth, Marked):
        key = _from_unknown(auth.key)
        return replace(key, only_tabby=True, added_for=auth.addresses, overrides=auth.overrides)
    if isinstance(auth, Function):
        return replace(_in_code(auth.node), overrides=True)
    if isinstance(auth, Instance):
        return replace(_in_code(auth.of.node), overrides=True)
    return Key(None) if isinstance(auth, Unknown) else NO_KEY


def _in_code(node: ast.AST) -> Key:
    text = ast.unparse(node).lower()
    if not any(header in text for header in HEADERS):
        return NO_KEY
    selective = any(
        isinstance(each, ast.Compare) and re.search("host|port|url|netloc|base", ast.unparse(each))
        for each in ast.walk(node)
    )
    name = getattr(node, "name", "a function")
    admin = "admin_key" in text and "api_key" not in text
    return Key(True, f"{name}{ADDED}", Unknown(f"hook {name}"), admin, only_tabby=selective)
