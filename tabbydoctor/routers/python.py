"""Routers written in Python: read without ever being run or imported.

The program is followed (`tabbydoctor.source`), each request that leaves it is noted with its URL,
headers and what was assumed on the way, and those that reach TabbyAPI are judged. Every `Call`
keeps its exact position, so that an edit finds the same call again.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Literal

from tabbydoctor.documents import Unreadable, python_of
from tabbydoctor.records import dataclass, replace
from tabbydoctor.routers import Call, Made, Position, Purpose, RouterReading
from tabbydoctor.routers.commands import rewritten, started_units
from tabbydoctor.routers.elsewhere import elsewhere, origins
from tabbydoctor.routers.keys import CLIENT_OWN, Key, keys_of
from tabbydoctor.routers.marked_block import MarkedBlock, legible, marked_block
from tabbydoctor.routers.marked_functions import known_functions
from tabbydoctor.routers.own_environment import own_environment
from tabbydoctor.routers.patience import waiting_limits
from tabbydoctor.routers.probes import accepting_401, is_open, purpose_of
from tabbydoctor.routers.suppositions import (
    chosen,
    degraded,
    lacking,
    named_tabby,
    names_tabby,
    serves_tabby,
)
from tabbydoctor.routers.throughout import health_is_harmless, wired_throughout
from tabbydoctor.routers.unfollowed import unfollowed
from tabbydoctor.routers.urls import Target, server, target
from tabbydoctor.source.guards import Guard, both
from tabbydoctor.source.reading import Program, parsed
from tabbydoctor.source.reading import read as follow
from tabbydoctor.source.seen import Seen, Sent
from tabbydoctor.source.values import MANY, Place, Symbol, Text, Value, likely

name = "python"
Reach = Literal["tabby", "other", "unknown"]


@dataclass(frozen=True, slots=True)
class Judged:
    """One request on one path, judged."""

    sent: Sent
    guard: Guard
    to: Target
    reach: Reach
    key: Key
    method: str
    purpose: Purpose
    unlikely: bool
    """On a path that only failures take, or that says it is not TabbyAPI's."""


@dataclass(frozen=True, slots=True)
class _Source:
    """One module of the router."""

    path: str
    text: str
    """Without its marked block."""
    tree: ast.Module
    block: MarkedBlock | None


def recognises(path: str, text: str) -> bool:
    """Whether a file is Python source (it may yet turn out not to parse)."""
    if path.endswith((".py", ".py.txt")):
        return True
    return text.startswith("#!") and "python" in text.partition("\n")[0]


def read(
    path: str,
    text: str,
    tabby_urls: tuple[str, ...],
    *,
    files: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    directory: str = "",
    roots: tuple[str, ...] = (),
    arguments: tuple[str, ...] = (),
) -> RouterReading:
    """Read a router's source.

    `files` are the texts of the configuration files that it reads and of the modules that it
    imports, by absolute path; `roots` the directories that imports start from; `environment`,
    `directory` and `arguments` are its unit's; a secret that is empty there is one it lacks.
    Never raises for what the source holds: see `problem`. The same is read once.
    """
    given = None if environment is None else tuple(sorted(environment.items()))
    rest = tuple(sorted((files or {}).items()))
    return _read(path, text, tabby_urls, rest, given, directory, roots, arguments)


@lru_cache(maxsize=32)
def _read(
    path: str,
    text: str,
    tabby_urls: tuple[str, ...],
    files: tuple[tuple[str, str], ...],
    environment: tuple[tuple[str, str], ...] | None,
    directory: str,
    roots: tuple[str, ...],
    arguments: tuple[str, ...],
) -> RouterReading:
    whole = text.removeprefix("\ufeff")
    try:
        python_of(legible(whole))
    except Unreadable as error:
        return RouterReading(path, name, str(error), error.line)
    try:
        seen, sources = _followed(path, whole, files, environment, directory, roots, arguments)
        return _reading(sources, seen, tabby_urls)
    except RecursionError:
        return RouterReading(path, name, "it is nested too deeply to be followed")


@lru_cache(maxsize=8)
def _followed(
    path: str,
    text: str,
    files: tuple[tuple[str, str], ...],
    environment: tuple[tuple[str, str], ...] | None,
    directory: str,
    roots: tuple[str, ...],
    arguments: tuple[str, ...],
) -> tuple[Seen, list[_Source]]:
    """What the program does, whichever server is TabbyAPI's."""
    texts = {path: text, **{each: held for each, held in files if each.endswith(".py")}}
    texts[path] = text
    trees = parsed({each: legible(held.removeprefix("\ufeff")) for each, held in texts.items()})
    sources = [
        _Source(each, legible(texts[each]), tree, marked_block(texts[each]))
        for each, tree in trees.items()
    ]
    program = Program(
        path,
        trees,
        roots,
        {each: held for each, held in files if not each.endswith(".py")},
        None if environment is None else dict(environment),
        directory,
        arguments,
        {each.path: known_functions(each.block, each.path) for each in sources if each.block},
    )
    seen = follow(program, named_tabby)
    vague = dict.fromkeys(
        f"the request at {sent.place.file}:{sent.place.line} may go to more places than are told"
        for sent in seen.sent
        if any(_is_any(url) for _, url in sent.url)
    )
    seen.cuts = (*seen.cuts, *vague)
    broken = [each for each in texts if each not in trees]
    if broken:
        seen.cuts = (*seen.cuts, *(f"{each} is not valid Python" for each in broken))
    return seen, sources


def _is_any(url: Value) -> bool:
    """Whether a URL begins with what stands for more than was told apart."""
    return (url.parts[0] if isinstance(url, Text) else url) == MANY


def _reading(sources: list[_Source], seen: Seen, tabby_urls: tuple[str, ...]) -> RouterReading:
    requests = _plain([each for sent in seen.sent for each in _judged(sent, seen, tabby_urls)])
    if not any(request.reach == "tabby" for request in requests):
        # None reaches its true address: those named after it are meant for it.
        requests = [named for each in requests for named in _by_name(each, seen)]
    whole = _part(sources[0], sources, seen, requests, tabby_urls)
    if len(sources) == 1:
        return whole
    parts = [
        _part(each, [each], seen, requests, tabby_urls, certain=_certain(requests))
        for each in sources
    ]
    return replace(
        whole, parts=tuple(each for each in parts if each.path == whole.path or _says(each))
    )


def _says(part: RouterReading) -> bool:
    """Whether there is anything to tell of a module."""
    told = (
        part.calls, part.reads_environment, part.reads_files, part.writes_files, part.leaks,
        part.sent_elsewhere, part.sets_environment, part.accepts_401, part.timeouts, part.makes,
    )  # fmt: skip
    return any(told)


def _certain(requests: Iterable[Judged]) -> bool:
    return any(each.reach == "tabby" for each in requests)


def _part(
    source: _Source,
    among: list[_Source],
    seen: Seen,
    every: list[Judged],
    tabby_urls: tuple[str, ...],
    *,
    certain: bool | None = None,
) -> RouterReading:
    """What the modules `among` do, told as of `source`."""
    paths = {each.path for each in among}
    lines = {each.path: each.text.splitlines(keepends=True) for each in among}
    requests = [each for each in every if each.sent.place.file in paths]
    certain = _certain(every) if certain is None else certain
    calls = [call for call in _calls(requests, lines, certain) if call is not None]
    to_tabby = [each for each in requests if each.reach == "tabby" and not each.unlikely]
    all_to_tabby = [each for each in every if each.reach == "tabby" and not each.unlikely]
    others = [each for each in requests if each.reach != "tabby"]
    leaking = [each for each in others if each.reach == "other" and not lacking(each.guard)]
    keys = [each.key for each in all_to_tabby if each.key.sends]
    own_keys = [each.key for each in to_tabby if each.key.sends]
    addresses = tuple(dict.fromkeys(each.to.base for each in to_tabby if each.to.base))
    tabby = {server(url) for url in (*tabby_urls, *addresses)}
    handed = [each for each in seen.handed if each.place.file in paths]
    away, away_from = elsewhere(others, handed, keys, tabby)
    probes = [
        each.sent for each in to_tabby if each.purpose == "probe" and not is_open(each.to.path)
    ]
    own = [own_environment(each.tree) for each in among]
    commands = [(words, place) for words, place in seen.commands if place.file in paths]
    blocks = [each.block for each in among if each.block]
    return RouterReading(
        path=source.path,
        kind=name,
        calls=tuple(calls),
        addresses=addresses,
        backends=_backends(requests),
        accepts_401=tuple(place.line for place in accepting_401(seen, probes)),
        reads_environment={
            **{k: v for each in blocks for k, v in each.reads_environment.items()},
            **_lines(seen.environment, paths),
        },
        reads_files={
            **{k: v for each in blocks for k, v in each.reads_files.items()},
            **_lines(seen.reads, paths),
        },
        writes_files={**_lines(seen.writes, paths), **rewritten(commands)},
        uses_admin_key=_admin_lines(to_tabby),
        assumes_key_string=_breaking_on_lists(to_tabby, paths),
        starts_units=started_units(commands),
        leaks=_carrying(leaking, keys),
        sent_elsewhere=away,
        keys_elsewhere=away_from,
        sets_environment={k: v for each in own for k, v in each.lines.items()},
        replaces_environment=tuple(dict.fromkeys(k for each in own for k in each.replaced)),
        literal_keys=tuple(dict.fromkeys(key.literal for key in own_keys if key.literal)),
        untrimmed=tuple(
            sorted({key.place.line for key in own_keys if key.place and _untrimmed(key)})
        ),
        makes=_makes(every, seen, source.path, lines.get(source.path, []), certain),
        timeouts=tuple(
            limit for each in among for limit in waiting_limits(seen, each.path, each.tree)
        ),
        wired_throughout=len(among) == 1
        and source.block is not None
        and wired_throughout(source.tree, source.block),
        harmless_health=any(health_is_harmless(each.tree) for each in among),
        cuts=seen.cuts,
        unfollowed=tuple(line for each in among for line in unfollowed(each.tree, each.path, seen)),
    )


def _lines(places: Mapping[str, Place], paths: set[str]) -> dict[str, int]:
    return {each: place.line for each, place in places.items() if place.file in paths}


def _plain(requests: list[Judged]) -> list[Judged]:
    """What is only supposed counts where nothing better is known of the same call."""
    better = {
        each.sent.place for each in requests if not each.sent.supposed and each.reach == "tabby"
    }
    return [each for each in requests if not each.sent.supposed or each.sent.place not in better]


def _judged(sent: Sent, seen: Seen, tabby_urls: tuple[str, ...]) -> list[Judged]:
    known = {server(url) for url in tabby_urls}
    found = []
    methods = {str(likely(value) or "").upper() for _, value in sent.method}
    method = next(iter(sorted(methods)), "")
    for inner, url in sent.url:
        guard = both(sent.guard, inner)
        if guard is None:
            continue
        to = target(url)
        reach: Reach = "unknown"
        if to.base:
            reach = "tabby" if server(to.base) in known else "other"
        elif serves_tabby(guard) is False:
            reach = "other"
        elif to.hint or names_tabby(guard):
            reach = "tabby"
        place = server(to.base) if to.base else None
        found += _with_keys(sent, seen, guard, to, reach, method, place)
    return found


def _with_keys(
    sent: Sent, seen: Seen, guard: Guard, to: Target, reach: Reach, method: str,
    place: tuple[str, int] | None,
) -> list[Judged]:  # fmt: skip
    purpose = purpose_of(sent, method, to.path)
    return [
        Judged(
            sent, path, to, reach, key, method, purpose,
            degraded(path) or (reach == "tabby" and names_tabby(path) is False),
        )
        for path, key in keys_of(sent, guard, seen.clients, place)
    ]  # fmt: skip


def _by_name(request: Judged, seen: Seen) -> list[Judged]:
    meant = request.to.hint or names_tabby(request.guard)
    if request.reach != "other" or not meant:
        return [request]
    return _with_keys(request.sent, seen, request.guard, request.to, "tabby", request.method, None)


def _calls(
    requests: list[Judged], lines: Mapping[str, list[str]], certain: bool
) -> list[Call | None]:
    groups: dict[tuple[Place, Purpose], list[Judged]] = {}
    for request in requests:
        groups.setdefault((request.sent.place, request.purpose), []).append(request)
    order = {path: number for number, path in enumerate(lines)}
    ordered = sorted(
        groups,
        key=lambda group: (order[group[0].file], group[0].line, group[0].column, group[1]),
    )
    return [_call(group[0], groups[group], lines[group[0].file], certain) for group in ordered]


def _call(place: Place, found: list[Judged], lines: list[str], certain: bool) -> Call | None:
    """The call at one place, or None where it does not concern TabbyAPI."""
    tabby = [each for each in found if each.reach == "tabby"]
    vague = [each for each in found if each.reach == "unknown"]
    relevant = tabby or ([] if certain and not _generic(vague) else vague)
    if not relevant:
        return None
    relevant = [each for each in relevant if not each.unlikely] or relevant
    others = [each for each in found if each.reach == "other" and not degraded(each.guard)]
    sends = _agreement([each.key.of_router for each in relevant])
    if not tabby and not sends:
        sends = None
    alike = [each for each in relevant if each.key.of_router == sends] or relevant
    # What is handed on says more than the way on which there was nothing to hand on.
    one = next((each for each in alike if each.key.source == CLIENT_OWN), alike[0])
    used = {each.key.value for each in relevant if each.key.sends}
    made = {each.sent.client.place for each in found if each.sent.client and each.sent.client.place}
    counted = {id(each) for each in relevant}  # to compare thousands by value takes minutes
    spare = [each for each in tabby or vague if id(each) not in counted]
    return Call(
        line=place.line,
        purpose=one.purpose,
        method=one.method,
        path=one.to.path,
        sends_key=sends,
        key_from=one.key.source,
        reaches_others=bool(others) or not tabby,
        function=one.sent.function,
        library=one.sent.library,
        sends_key_to_others=any(_same_key(each.key, used) for each in others),
        column=_characters(place, lines),
        constructors=tuple(
            Position(each.line, _characters(each, lines))
            for each in sorted(made, key=lambda each: (each.line, each.column))
            if each.file == place.file
        ),
        made_elsewhere=any(each.file != place.file for each in made),
        certain=bool(tabby),
        key_files=tuple(
            each[5:] for each in origins(each.key for each in relevant) if each.startswith("file /")
        ),
        spare_keys=origins(each.key for each in spare),
        wired=one.key.added_for is not None,
        untrimmed=any(_untrimmed(each.key) for each in relevant),
        file=place.file,
    )


def _makes(
    every: list[Judged], seen: Seen, path: str, lines: list[str], certain: bool
) -> tuple[Made, ...]:
    """The clients of one source by which others call TabbyAPI. Where it is not known which client
    sends, any may.
    """
    found: dict[tuple[int, int], Made] = {}
    for each in every:
        meant = each.reach == "tabby" or (each.reach == "unknown" and not certain)
        if not meant or each.sent.place.file == path or each.sent.client is None:
            continue
        own = each.sent.client.place
        others = [one.place for one in seen.clients] if own is None else [own]
        for place in others:
            if place is not None and place.file == path:
                at = (place.line, _characters(place, lines))
                before = found.get(at)
                sends = each.key.of_router if before is None or before.sends_key else False
                found[at] = Made(*at, sends)
    return tuple(found[at] for at in sorted(found))


def _untrimmed(key: Key) -> bool:
    value = key.value
    if not (isinstance(value, Symbol) and value.root.startswith("file ") and not value.path):
        return False
    return bool(key.sends and key.added_for is None and not value.trimmed)


def _generic(vague: list[Judged]) -> bool:
    """Whether a call to an unknown place speaks TabbyAPI's language."""
    return any(each.to.path.startswith(("/v1/", "/health")) for each in vague)


def _agreement(said: list[bool | None]) -> bool | None:
    return said[0] if all(each == said[0] for each in said) else None


def _same_key(key: Key, used: set[Value]) -> bool:
    return bool(key.sends) and not key.only_tabby and key.value in used


def _characters(place: Place, lines: list[str]) -> int:
    """`ast` counts columns in UTF-8 bytes; editors and LibCST in characters."""
    if place.line > len(lines):
        return place.column
    return len(lines[place.line - 1].encode()[: place.column].decode(errors="ignore"))


def _backends(requests: list[Judged]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in requests:
        if each.to.base and each.to.base not in found.values():
            named = chosen(each.guard)
            label = named or ("tabbyapi" if each.reach == "tabby" else each.to.base)
            found[label if label not in found else each.to.base] = each.to.base
    return found


def _admin_lines(to_tabby: list[Judged]) -> tuple[int, ...]:
    """Where the admin key is sent with requests that the API key is enough for."""
    lines = [
        (each.key.place or each.sent.place).line
        for each in to_tabby
        if each.key.sends and each.key.admin and each.purpose != "other"
    ]
    return tuple(sorted(set(lines)))


def _breaking_on_lists(to_tabby: list[Judged], paths: set[str]) -> tuple[int, ...]:
    """Where `api_key` of a tokens file is sent as it stands, were it a list or not."""
    lines = set()
    for each in to_tabby:
        value = each.key.value
        if not (each.key.sends and isinstance(value, Symbol) and value.path):
            continue
        if value.root.startswith("file ") and value.path[-1] == "api_key" and not value.checked:
            if _is_list(each.guard, value):
                continue
            place = value.place if value.place and value.place.file in paths else each.sent.place
            lines.add(place.line)
    return tuple(sorted(lines))


def _is_list(guard: Guard, value: Symbol) -> bool:
    """Whether the code asked if it is a list before it used it."""
    return any(name == value.name and operator == "is-list" for name, operator, _, _ in guard)


def _carrying(requests: list[Judged], keys: list[Key]) -> tuple[int, ...]:
    """Lines of requests that carry one of some keys."""
    used = {key.value for key in keys}
    return tuple(sorted({each.sent.place.line for each in requests if _same_key(each.key, used)}))


__all__ = ["Judged", "name", "read", "recognises"]
