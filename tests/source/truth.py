"""What a router was seen to send when it ran, and how a reading differs from it."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tabbydoctor.routers import Call, RouterReading
from tabbydoctor.routers.keys import CLIENT_OWN

ANY = "*"
"""The method or path of the incoming request."""
_SENDS = {"yes": True, "no": False, "unknown": None, True: True, False: False}


@dataclass(frozen=True)
class Seen:
    """Requests to TabbyAPI that one call was seen to make."""

    at: str
    """`file:line`, the file below the router's directory."""
    library: str
    purpose: str
    method: str
    path: str
    sends_key: bool | None
    callers: bool
    """Whether it hands the credentials of its callers on."""

    def __str__(self) -> str:
        return f"{self.at} {self.method} {self.path}"


@dataclass(frozen=True)
class Truth:
    """All of it."""

    calls: tuple[Seen, ...]
    leaks: tuple[str, ...]
    accepts_401: tuple[str, ...]

    @classmethod
    def of(cls, expected: Mapping[str, Any]) -> Truth:
        """As an `expected.yml` tells it."""
        return cls(
            tuple(_seen(each) for each in expected["calls"] or ()),
            tuple(sorted(expected["leaks"] or ())),
            tuple(sorted(expected["accepts_401"] or ())),
        )


def _seen(each: Mapping[str, Any]) -> Seen:
    return Seen(
        each["at"], each["library"], each["purpose"], each["method"], each["path"],
        _SENDS[each["sends_key"]], each.get("callers") in ("yes", True),
    )  # fmt: skip


def misses(reading: RouterReading, truth: Truth, directory: str) -> list[str]:
    """What a reading does not find, finds wrong, or finds too much, a line for each."""
    waiting = list(reading.calls)
    wrong = [f"problem: {reading.problem}"] if reading.problem else []
    for seen in truth.calls:
        call = next((each for each in waiting if _same(each, seen, directory)), None)
        if call is None:
            wrong.append(f"not found: {seen}")
            continue
        waiting.remove(call)
        wrong += _differences(call, seen)
    wrong += [f"too much: {_at(each, directory)} {each.method} {each.path}" for each in waiting]
    wrong += _lines("leak", truth.leaks, _told(reading, directory, lambda part: part.leaks))
    masks = _told(reading, directory, lambda part: part.accepts_401)
    return wrong + _lines("accepts 401", truth.accepts_401, masks)


def _at(call: Call, directory: str) -> str:
    return f"{posixpath.relpath(call.file, directory)}:{call.line}"


def _same(call: Call, seen: Seen, directory: str) -> bool:
    method = "" if seen.method == ANY else seen.method
    path = ANY in call.path if seen.path == ANY else call.path == seen.path
    return _at(call, directory) == seen.at and call.method == method and path


def _differences(call: Call, seen: Seen) -> list[str]:
    found = [
        ("library", call.library, seen.library),
        ("purpose", call.purpose, seen.purpose),
        ("sends_key", call.sends_key, seen.sends_key),
        ("hands on its callers' key", call.key_from == CLIENT_OWN, seen.callers),
    ]
    return [f"{seen}: {name} is {true}, read {read}" for name, read, true in found if read != true]


def _told(
    reading: RouterReading, directory: str, lines: Callable[[RouterReading], Iterable[int]]
) -> list[str]:
    places = reading.at(lines)
    return sorted(f"{posixpath.relpath(place, directory)}" for place in places)


def _lines(what: str, true: Iterable[str], read: Iterable[str]) -> list[str]:
    missing = [f"{what} not found: {each}" for each in sorted({*true} - {*read})]
    return missing + [f"{what} too much: {each}" for each in sorted({*read} - {*true})]
