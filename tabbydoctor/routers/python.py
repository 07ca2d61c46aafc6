"""Routers written in Python: read without ever being run or imported.

The source is followed along every path (`interpreter`), each request that leaves it is noted
with its URL, headers and what was assumed on the way, and those that reach TabbyAPI are judged.
Every `Call` keeps its exact position, so that an edit finds the same call again.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any, Literal

from tabbydoctor.documents import Unreadable, json_of, python_of, yaml_of
from tabbydoctor.routers import Call, Position, Purpose, RouterReading
from tabbydoctor.routers.budget import budget
from tabbydoctor.routers.interpreter import Interpreter
from tabbydoctor.routers.keys import CLIENT_OWN, Handed, Key, key_of
from tabbydoctor.routers.marked_block import MarkedBlock, legible, marked_block
from tabbydoctor.routers.marked_functions import known_functions
from tabbydoctor.routers.neighbours import beside
from tabbydoctor.routers.own_environment import own_environment
from tabbydoctor.routers.patience import waiting_limits
from tabbydoctor.routers.probes import accepting_401, is_open, purpose_of
from tabbydoctor.routers.throughout import health_is_harmless, wired_throughout
from tabbydoctor.routers.trace import Sent, Trace
from tabbydoctor.routers.urls import Target, server, target
from tabbydoctor.routers.values import Const, Place, Text, Unknown, Value, likely_text

name = "python"
PASSES = 2
Reach = Literal["tabby", "other", "unknown"]


@dataclass(frozen=True, slots=True)
class _Request:
    """One request on one path, judged."""

    sent: Sent
    to: Target
    reach: Reach
    key: Key
    method: str
    purpose: Purpose
    unlikely: bool
    """On a path that only failures take, or that says it is not TabbyAPI's."""


def recognises(path: str, text: str, command: tuple[str, ...]) -> bool:
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
) -> RouterReading:
    """Read a router's source.

    `files` are the texts of configuration files it reads and of modules beside it that it imports
    from, by absolute path; `environment` and
    `directory` are its unit's; a secret that is empty there is one it lacks. Never raises for
    what the source holds: see `problem`. The same is read once.
    """
    given = None if environment is None else tuple(sorted(environment.items()))
    return _read(path, text, tabby_urls, tuple(sorted((files or {}).items())), given, directory)


@lru_cache(maxsize=32)
def _read(
    path: str,
    text: str,
    tabby_urls: tuple[str, ...],
    files: tuple[tuple[str, str], ...],
    environment: tuple[tuple[str, str], ...] | None,
    directory: str,
) -> RouterReading:
    whole = text.removeprefix("\ufeff")
    try:
        tree = python_of(legible(whole))
    except Unreadable as error:
        return RouterReading(path, name, str(error), error.line)
    block, source = marked_block(whole), legible(whole)
    variables = {"PWD": directory, **dict(environment or ())}
    run = Interpreter(
        tree, path, _parsed(dict(files)), variables, whole_environment=environment is not None
    )
    run.modules = beside(path, dict(files or {}))
    run.globals.update(known_functions(block) if block else {})
    try:
        with budget() as spent:
            reading = _reading(path, source, run, _followed(run), tabby_urls)
    except RecursionError:
        return RouterReading(path, name, "it is nested too deeply to be followed")
    reading = replace(reading, cuts=tuple(spent.cuts), harmless_health=health_is_harmless(tree))
    return _with_block(reading, block, tree) if block else reading


def _with_block(reading: RouterReading, block: MarkedBlock, tree: ast.Module) -> RouterReading:
    """The reading with what the marked block itself reads, and which requests pass through it."""
    return replace(
        reading,
        wired_throughout=wired_throughout(tree, block),
        reads_files={**block.reads_files, **reading.reads_files},
        reads_environment={**block.reads_environment, **reading.reads_environment},
    )


def _followed(run: Interpreter) -> Trace:
    """What the source does: the last pass, with what only an earlier one saw."""
    run.follow()
    for _ in range(PASSES - 1):
        before, run.trace = run.trace, Trace()
        run.again()
        seen = {sent.place for sent in run.trace.sent}
        run.trace.sent += [sent for sent in before.sent if sent.place not in seen]
    return run.trace


def _parsed(files: Mapping[str, str]) -> dict[str, object]:
    """Configuration texts as the router's own readers see them; unreadable ones are left out."""
    data: dict[str, object] = {}
    for path, text in files.items():
        try:
            if PurePosixPath(path).suffix == ".json":
                data[path] = json_of(text)
            elif PurePosixPath(path).suffix in (".yml", ".yaml"):
                data[path] = yaml_of(text)
        except Unreadable:
            continue
    return data


def _reading(
    path: str, source: str, run: Interpreter, trace: Trace, tabby_urls: tuple[str, ...]
) -> RouterReading:
    requests = _plain([_judged(sent, trace, tabby_urls) for sent in trace.sent])
    if not any(request.reach == "tabby" for request in requests):
        # None reaches its true address: those named after it are meant for it.
        requests = [_by_name(request, trace) for request in requests]
    lines = source.splitlines(keepends=True)
    calls = [call for call in _calls(requests, lines) if call is not None]
    to_tabby = [each for each in requests if each.reach == "tabby" and not each.unlikely]
    others = [each for each in requests if each.reach != "tabby"]
    leaking = [each for each in others if each.reach == "other" and not each.unlikely]
    own = own_environment(run.tree)
    keys = [each.key for each in to_tabby if each.key.sends]
    addresses = tuple(dict.fromkeys(each.to.base for each in to_tabby if each.to.base))
    tabby = {server(url) for url in (*tabby_urls, *addresses)}
    handed = [each for each in run.handed if not each.goes_to(tabby)]
    lines_elsewhere, origins_elsewhere = _elsewhere(others, handed, keys)
    probes = [
        each.sent for each in to_tabby if each.purpose == "probe" and not is_open(each.to.path)
    ]
    return RouterReading(
        path=path,
        kind=name,
        calls=tuple(calls),
        addresses=addresses,
        backends=_backends(requests),
        accepts_401=tuple(accepting_401(run, probes)),
        reads_environment=dict(trace.environment),
        reads_files=dict(trace.reads),
        writes_files=dict(trace.writes),
        uses_admin_key=_admin_lines(to_tabby),
        assumes_key_string=_breaking_on_lists(to_tabby),
        starts_units=tuple(trace.units),
        leaks=_carrying(leaking, keys),
        sent_elsewhere=lines_elsewhere,
        keys_elsewhere=origins_elsewhere,
        sets_environment=own.lines,
        replaces_environment=own.replaced,
        literal_keys=tuple(dict.fromkeys(key.literal for key in keys if key.literal)),
        untrimmed=tuple(sorted({key.line for key in keys if key.line and _untrimmed(key)})),
        timeouts=tuple(waiting_limits(run)),
    )


def _plain(requests: list[_Request]) -> list[_Request]:
    """What is only supposed counts where nothing better is known of the same call."""
    better = {
        each.sent.place for each in requests if not each.sent.supposed and each.reach == "tabby"
    }
    return [each for each in requests if not each.sent.supposed or each.sent.place not in better]


def _judged(sent: Sent, trace: Trace, tabby_urls: tuple[str, ...]) -> _Request:
    to = target(sent.url)
    method = (likely_text(sent.method) or "").upper()
    reach: Reach = "unknown"
    if to.base:
        known = {server(url) for url in tabby_urls}
        reach = "tabby" if server(to.base) in known else "other"
    elif sent.world.serves_tabby() is False:
        reach = "other"
    elif to.hint or sent.world.names_tabby():
        reach = "tabby"
    doubtful = sent.world.degraded or (reach == "tabby" and sent.world.names_tabby() is False)
    key = key_of(sent, trace.clients, server(to.base) if to.base else None)
    return _Request(sent, to, reach, key, method, purpose_of(sent, method, to.path), doubtful)


def _by_name(request: _Request, trace: Trace) -> _Request:
    meant = request.to.hint or request.sent.world.names_tabby()
    if request.reach != "other" or not meant:
        return request
    return replace(request, reach="tabby", key=key_of(request.sent, trace.clients, None))


def _calls(requests: list[_Request], lines: list[str]) -> list[Call | None]:
    certain = any(request.reach == "tabby" for request in requests)
    groups: dict[tuple[Place, Purpose], list[_Request]] = {}
    for request in requests:
        groups.setdefault((request.sent.place, request.purpose), []).append(request)
    ordered = sorted(groups, key=lambda group: (group[0].line, group[0].column, group[1]))
    return [_call(group[0], groups[group], lines, certain) for group in ordered]


def _call(place: Place, found: list[_Request], lines: list[str], certain: bool) -> Call | None:
    """The call at one place, or None where it does not concern TabbyAPI."""
    tabby = [each for each in found if each.reach == "tabby"]
    vague = [each for each in found if each.reach == "unknown"]
    relevant = tabby or ([] if certain and not _generic(vague) else vague)
    if not relevant:
        return None
    relevant = [each for each in relevant if not each.unlikely] or relevant
    others = [each for each in found if each.reach == "other" and not each.sent.world.degraded]
    sends = _agreement([each.key.of_router for each in relevant])
    if not tabby and not sends:
        sends = None
    alike = [each for each in relevant if each.key.of_router == sends] or relevant
    # What is handed on says more than the way on which there was nothing to hand on.
    one = next((each for each in alike if each.key.source == CLIENT_OWN), alike[0])
    used = {each.key.value for each in relevant if each.key.sends}
    made = {each.sent.client.place for each in found if each.sent.client and each.sent.client.place}
    spare = [each for each in tabby or vague if each not in relevant]
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
        ),
        certain=bool(tabby),
        key_files=tuple(each[5:] for each in _origins(relevant) if each.startswith("file /")),
        spare_keys=_origins(spare),
        wired=one.key.added_for is not None,
        untrimmed=any(_untrimmed(each.key) for each in relevant),
    )


def _untrimmed(key: Key) -> bool:
    value = key.value
    whole = isinstance(value, Unknown) and value.root.startswith("file ") and not value.path
    return bool(key.sends and whole and key.added_for is None and not value.trimmed)  # type: ignore[union-attr]


def _origins(requests: list[_Request]) -> tuple[str, ...]:
    """Where the keys of requests are from: `file /path`, `environment NAME`."""
    keys = [each.key for each in requests if each.key.sends]
    roots = [key.value.root if isinstance(key.value, Unknown) else key.source for key in keys]
    return tuple(dict.fromkeys(roots))


def _generic(vague: list[_Request]) -> bool:
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


def _backends(requests: list[_Request]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in requests:
        if each.to.base and each.to.base not in found.values():
            named = each.sent.world.chosen()
            label = named or ("tabbyapi" if each.reach == "tabby" else each.to.base)
            found[label if label not in found else each.to.base] = each.to.base
    return found


def _admin_lines(to_tabby: list[_Request]) -> tuple[int, ...]:
    """Where the admin key is sent with requests that the API key is enough for."""
    lines = [
        each.key.line or each.sent.place.line
        for each in to_tabby
        if each.key.sends and each.key.admin and each.purpose != "other"
    ]
    return tuple(sorted(set(lines)))


def _breaking_on_lists(to_tabby: list[_Request]) -> tuple[int, ...]:
    """Where `api_key` of a tokens file is sent as it stands, were it a list or not."""
    lines = set()
    for each in to_tabby:
        value = each.key.value
        if not (each.key.sends and isinstance(value, Unknown) and value.path):
            continue
        if value.root.startswith("file ") and value.path[-1] == "api_key" and not value.checked:
            lines.add(value.line or each.sent.place.line)
    return tuple(sorted(lines))


def _carrying(requests: list[_Request], keys: list[Key]) -> tuple[int, ...]:
    """Lines of requests that carry one of some keys."""
    used = {key.value for key in keys}
    return tuple(sorted({each.sent.place.line for each in requests if _same_key(each.key, used)}))


def _perhaps_carrying(requests: list[_Request], keys: list[Key]) -> tuple[int, ...]:
    """The same, where the default that a value has without a variable is no matter."""
    names = {key.value.name for key in keys if isinstance(key.value, Unknown)}
    same = [
        each.sent.place.line
        for each in requests
        if each.key.sends and not each.key.only_tabby
        if isinstance(each.key.value, Unknown) and each.key.value.name in names
    ]
    return (*_carrying(requests, keys), *same)


def _elsewhere(
    requests: list[_Request], handed: list[Handed], keys: list[Key]
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Lines of what may send TabbyAPI's key to others; where all keys that others may get are
    from.
    """
    lines = [each.line for each in handed if each.holds_any(keys)]
    origins = [
        *_origins([each for each in requests if not each.key.only_tabby]),
        *(each.value.root for each in handed if each.named_secret or each.holds_any(keys)),
    ]
    lines += _perhaps_carrying(requests, keys)
    return tuple(sorted(set(lines))), tuple(dict.fromkeys(origins))


__all__ = ["Any", "Const", "Text", "re", "read", "recognises"]
