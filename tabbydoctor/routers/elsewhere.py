"""What may carry TabbyAPI's key to other servers."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Protocol

from tabbydoctor.routers.keys import Key
from tabbydoctor.routers.urls import server
from tabbydoctor.source.secret_names import is_secret
from tabbydoctor.source.seen import Handed, Sent
from tabbydoctor.source.values import Symbol


class _Request(Protocol):
    @property
    def sent(self) -> Sent: ...
    @property
    def key(self) -> Key: ...


def origins(keys: Iterable[Key]) -> tuple[str, ...]:
    """Where keys are from: `file /path`, `environment NAME`."""
    sent = [key for key in keys if key.sends]
    roots = [key.value.root if isinstance(key.value, Symbol) else key.source for key in sent]
    return tuple(dict.fromkeys(roots))


def elsewhere(
    requests: Sequence[_Request],
    handed: Iterable[Handed],
    keys: list[Key],
    tabby: Container[tuple[str, int] | None],
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Lines of what may send TabbyAPI's key to others; where all keys that others may get are
    from.
    """
    away = [each for each in handed if not _goes_to(each, tabby)]
    lines = [each.place.line for each in away if _holds_any(each, keys)]
    found = [
        *origins(each.key for each in requests if not each.key.only_tabby),
        *(each.value.root for each in away if _named_secret(each) or _holds_any(each, keys)),
    ]
    lines += _perhaps_carrying(requests, keys)
    return tuple(sorted(set(lines))), tuple(dict.fromkeys(found))


def _perhaps_carrying(requests: Sequence[_Request], keys: list[Key]) -> list[int]:
    """Lines of requests with one of some keys; the default of a variable is no matter."""
    names = {key.value.name for key in keys if isinstance(key.value, Symbol)}
    used = {key.value for key in keys}
    return [
        each.sent.place.line
        for each in requests
        if each.key.sends and not each.key.only_tabby
        if each.key.value in used
        or (isinstance(each.key.value, Symbol) and each.key.value.name in names)
    ]


def _named_secret(handed: Handed) -> bool:
    """Whether the variable or the entry of a file is called a key."""
    kind, _, name = handed.value.root.partition(" ")
    last = handed.value.path[-1] if handed.value.path else ""
    return is_secret(last or (name if kind == "environment" else ""))


def _holds_any(handed: Handed, keys: Iterable[Key]) -> bool:
    """Whether it is one of some keys, or the data that one is taken from."""
    own = handed.value.name
    values = [key.value for key in keys]
    return any(isinstance(each, Symbol) and each.name[: len(own)] == own for each in values)


def _goes_to(handed: Handed, servers: Container[tuple[str, int] | None]) -> bool:
    """Whether the URLs that are handed on with it are all of some servers."""
    return bool(handed.texts) and all(server(url) in servers for url in handed.texts)
