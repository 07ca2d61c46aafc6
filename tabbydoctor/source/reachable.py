"""Which functions of a program may come to send a request, by the names that they use.

What none of these names leads to is followed less far: it can but give a value, and one that is
not known is told where it is used.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

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


def reaching(trees: Iterable[ast.Module]) -> frozenset[str]:
    """The names of the functions and classes from which a request may be sent."""
    used: dict[str, set[str]] = {}
    found: set[str] = set()
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names = set(_names(node))
                used.setdefault(node.name, set()).update(names)
                if any(map(_sends, ast.walk(node))):
                    found.add(node.name)
    callers: dict[str, set[str]] = {}
    for name, names in used.items():
        for each in names & used.keys():
            callers.setdefault(each, set()).add(name)
    waiting = list(found)
    while waiting:
        for caller in callers.get(waiting.pop(), ()):
            if caller not in found:
                found.add(caller)
                waiting.append(caller)
    return frozenset(found)


def _names(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            yield each.id
        elif isinstance(each, ast.Attribute):
            yield each.attr


def _sends(node: ast.AST) -> bool:
    """Whether a call looks like one that sends, or that makes what sends."""
    if not isinstance(node, ast.Call):
        return False
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
