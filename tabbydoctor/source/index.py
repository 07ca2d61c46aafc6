"""What stands in a source, by kind and by name: looked through once, for all who ask."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable
from typing import TypeVar

from tabbydoctor.records import dataclass, field

_Node = TypeVar("_Node", bound=ast.AST)
_SENDING = frozenset({
    "post", "put", "patch", "request", "stream", "send", "urlopen", "build_request", "fetch",
    "ws_connect", "create", "parse", "completion", "acompletion", "text_completion",
    "atext_completion", "embedding", "aembedding", "getresponse", "list", "retrieve", "Request",
    "HTTPRequest",
})  # fmt: skip
_ASKING = frozenset({"get", "head", "options", "delete"})
_MAKING = frozenset({
    "AsyncClient", "Client", "Session", "session", "ClientSession", "OpenAI", "AsyncOpenAI",
    "HTTPConnection", "HTTPSConnection", "AsyncHTTPClient", "HTTPClient", "Router",
})  # fmt: skip
_GIVEN = frozenset({
    "headers", "timeout", "params", "auth", "allow_redirects", "follow_redirects",
})  # fmt: skip
_CLIENTS = frozenset({"httpx", "requests", "aiohttp", "client", "session", "http"})
_EMPTY = frozenset({"ctx", "op", "ops", "id", "attr"})
"""Fields of nodes in which nothing else stands."""


@dataclass(slots=True)
class Piece:
    """A function or a class, with all that stands in it."""

    name: str
    used: set[str] = field(default_factory=set)
    """Names and attributes, read or written."""
    assigned: set[str] = field(default_factory=set)
    """Names that its own lines assign, those of functions and classes in it left out."""
    sending: list[ast.Call] = field(default_factory=list)
    """Calls that look like one that sends, or that makes what sends."""


@dataclass(slots=True)
class Index:
    """Of one source."""

    kinds: dict[type[ast.AST], list[ast.AST]] = field(default_factory=dict)
    parts: dict[ast.AST, Piece] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    """Every name that is read, and every attribute."""

    def all(self, *kinds: type[_Node]) -> list[_Node]:
        """The nodes of some kinds, each kind in the order of the source."""
        return [node for kind in kinds for node in self.kinds.get(kind, ())]  # type: ignore[misc]


@functools.lru_cache(maxsize=512)
def index(tree: ast.Module) -> Index:
    """Look through a source. Raises RecursionError."""
    found = Index()
    _look(tree, Piece(""), found)
    return found


def _look(node: ast.AST, within: Piece, found: Index) -> None:
    found.kinds.setdefault(type(node), []).append(node)
    inner = _noted(node, within, found)
    for name in node._fields:
        if name in _EMPTY:
            continue
        child = getattr(node, name, None)
        if isinstance(child, list):
            for each in child:
                if isinstance(each, ast.AST):
                    _look(each, inner, found)
        elif isinstance(child, ast.AST):
            _look(child, inner, found)
    if inner is not within:
        within.used |= inner.used
        within.sending += inner.sending


def _noted(node: ast.AST, within: Piece, found: Index) -> Piece:
    """Of which part what stands in a node is."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()):
            within.used.add(name)
            within.assigned.add(name)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            within.used.add(name)
            found.read.add(name)
        case ast.Call():
            if _sends(node):
                within.sending.append(node)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            found.parts[node] = Piece(name)
            return found.parts[node]
        case ast.Lambda():
            return Piece("")
    return within


def _sends(node: ast.Call) -> bool:
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in _SENDING or name in _MAKING:
        return True
    if name not in _ASKING:
        return False
    base = function.value if isinstance(function, ast.Attribute) else None
    last = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
    named = any(word in last.lower() for word in _CLIENTS)
    return named or any(keyword.arg in _GIVEN for keyword in node.keywords)


def reaching(sources: Iterable[Index]) -> frozenset[str]:
    """The names of the functions and classes from which a request may be sent.

    What none of these names leads to is followed less far: it can but give a value, and one that
    is not known is told where it is used.
    """
    parts = [part for source in sources for part in source.parts.values()]
    named = {part.name for part in parts}
    callers: dict[str, set[str]] = {}
    for part in parts:
        for each in part.used & named:
            callers.setdefault(each, set()).add(part.name)
    found = {part.name for part in parts if part.sending}
    waiting = list(found)
    while waiting:
        for caller in callers.get(waiting.pop(), ()):
            if caller not in found:
                found.add(caller)
                waiting.append(caller)
    return frozenset(found)
