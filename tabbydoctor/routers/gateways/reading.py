"""A gateway's reading, from the ways that lead through it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tabbydoctor.records import replace
from tabbydoctor.routers import Call, RouterReading
from tabbydoctor.routers.gateways.passage import Passage, SentKey
from tabbydoctor.routers.gateways.requests import generates
from tabbydoctor.routers.urls import server


def reading_of(
    kind: str,
    path: str,
    passages: Sequence[Passage],
    tabby_urls: tuple[str, ...],
    cuts: Iterable[str] = (),
) -> RouterReading:
    """What the gateway does. Where none of its servers is TabbyAPI's address, those named after
    TabbyAPI are meant for it.
    """
    servers = {server(url) for url in tabby_urls}
    tabby = [one for one in passages if server(one.base) in servers]
    tabby = tabby or [one for one in passages if is_named(one)]
    others = [one for one in passages if one not in tabby]
    used = {_identity(one.key) for one in tabby if one.key.sends}
    leaking = [
        one for one in others if one.key.sends and _identity(one.key) in used and not is_named(one)
    ]
    files = list(
        dict.fromkeys([path, *(one.file for one in tabby), *(one.file for one in leaking)])
    )
    parts = [_part(kind, file, tabby, leaking) for file in files]
    whole = replace(
        _merged(kind, path, parts),
        addresses=tuple(dict.fromkeys(one.base for one in tabby)),
        backends=_backends(tabby, others),
        cuts=tuple(dict.fromkeys(cuts)),
    )
    said = [part for part in parts if part.path == path or part.calls or part.leaks]
    return whole if len(said) == 1 else replace(whole, parts=tuple(said))


def _backends(tabby: Sequence[Passage], others: Sequence[Passage]) -> dict[str, str]:
    """TabbyAPI, and what shares a group with it: what else a gateway serves is no model."""
    names = {one.name for one in tabby}
    found: dict[str, str] = {}
    for one in (*tabby, *(each for each in others if each.name in names)):
        if one.base not in found.values():
            found[one.name if one.name not in found else one.base] = one.base
    return found


def is_named(passage: Passage) -> bool:
    """Whether a server is named after TabbyAPI."""
    return "tabby" in f"{passage.name} {passage.base}".lower()


def _identity(key: SentKey) -> tuple[str, str]:
    return key.source, key.literal


def _part(
    kind: str, file: str, tabby: Sequence[Passage], leaking: Sequence[Passage]
) -> RouterReading:
    """What one file of its configuration does."""
    here = [one for one in tabby if one.file == file]
    calls = [_call(kind, one) for one in here]
    by_hand = [edit for one in here for edit in one.by_hand]
    return RouterReading(
        path=file,
        kind=kind,
        calls=tuple(dict.fromkeys(calls)),
        accepts_401=tuple(sorted({one.accepts_401 for one in here if one.accepts_401})),
        reads_environment={
            one.key.source.partition(" ")[2]: one.key.line
            for one in here
            if one.key.source.startswith("environment ")
        },
        leaks=tuple(sorted({one.key.line or one.line for one in leaking if one.file == file})),
        literal_keys=tuple(dict.fromkeys(one.key.literal for one in here if one.key.literal)),
        waits=tuple(dict.fromkeys(w for one in here if generates(one.sent) for w in one.waits)),
        misses=tuple(dict.fromkeys(one.miss for one in here if one.miss)),
        buffers=tuple(sorted({one.buffers for one in here if one.buffers})),
        by_hand=tuple(dict.fromkeys(by_hand)),
    )


def _call(kind: str, one: Passage) -> Call:
    return Call(
        line=one.line,
        purpose=one.purpose,
        method=one.method,
        path=one.sent,
        sends_key=one.key.sends,
        key_from=one.key.source if one.key.sends is not False or one.key.source else "",
        function=one.block,
        library=kind,
        file=one.file,
        asked=f"//{one.host}:{one.port}{one.asked}" if one.port and one.asked else "",
    )


def _merged(kind: str, path: str, parts: Sequence[RouterReading]) -> RouterReading:
    return RouterReading(
        path=path,
        kind=kind,
        calls=tuple(call for part in parts for call in part.calls),
        accepts_401=tuple(line for part in parts for line in part.accepts_401),
        reads_environment={k: v for part in parts for k, v in part.reads_environment.items()},
        leaks=tuple(line for part in parts for line in part.leaks),
        literal_keys=tuple(dict.fromkeys(key for part in parts for key in part.literal_keys)),
        waits=tuple(wait for part in parts for wait in part.waits),
        misses=tuple(miss for part in parts for miss in part.misses),
        buffers=tuple(line for part in parts for line in part.buffers),
        by_hand=tuple(edit for part in parts for edit in part.by_hand),
    )
