"""What is said of a router whose source is in the store: it is changed by hand, or left."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tabbydoctor.invocation import invocation
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.probes import is_open

DISABLE = (
    "or, where TabbyAPI serves this machine alone, switch its authentication off (on NixOS with "
    "--temporary: at once, until the machine starts anew)"
)


def disable_command() -> str:
    """What is left for a router whose source cannot be edited."""
    return invocation("fix --auth --strategy disable-auth", root=True)


def key_by_hand(path: str, reading: RouterReading | None, tokens: str) -> str:
    """How a router whose source is in the store comes to send the key, in words.

    Without a reading its lines are those of the evidence.
    """
    places = _places(path, reading, _keyless_lines) or "the lines seen"
    text = (
        f"Change what {path} is made from: let {places} send `Authorization: Bearer <api_key>`, "
        f"the api_key of {tokens}, to TabbyAPI only"
    )
    masks = _places(path, reading, lambda part: {*part.accepts_401}).removesuffix(" of it")
    return f"{text}, and let {masks} take no 401 for health" if masks else text


def _places(
    path: str, reading: RouterReading | None, of: Callable[[RouterReading], set[int]]
) -> str:
    """Lines by module, in words."""
    entry = (path, reading.path if reading else path)
    return ", ".join(
        f"{_lines(lines)} of {'it' if part.path in entry else part.path}"
        for part in (reading.modules if reading else ())
        if (lines := of(part))
    )


def _keyless_lines(reading: RouterReading) -> set[int]:
    """Where it sends no key that is known, the admin key, or one that may be a list."""
    asked = (call for call in reading.calls if not is_open(call.path))
    lines = {call.line for call in asked if not call.sends_key}
    return lines | {*reading.uses_admin_key, *reading.assumes_key_string}


def _lines(numbers: Iterable[int]) -> str:
    *most, last = map(str, sorted(set(numbers)))
    return f"lines {', '.join(most)} and {last}" if most else f"line {last}"
