"""What the checks of the router share: is a key asked for, and where a call stands."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from tabbydoctor.api import Absent, Cure, Evidence, Remedy, Safety, Unknown
from tabbydoctor.deployment.nixos import in_store
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.routers import Call, RouterReading
from tabbydoctor.routers.by_hand import DISABLE, disable_command, key_by_hand
from tabbydoctor.routers.gateways import BY_HAND, GATEWAYS
from tabbydoctor.routers.gateways.nix_lines import by_nix, key_by_rebuild
from tabbydoctor.routers.gateways.remedies import by_hand
from tabbydoctor.routers.kinds import UNKNOWN
from tabbydoctor.routers.probes import is_open
from tabbydoctor.routers.unread import RouterRead, unread_of
from tabbydoctor.routers.witness import RouterWitness
from tabbydoctor.tabbyapi.binding import binds_loopback_only
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint

NOT_IN_TIME = "the router was not read in time"
EXPECTED = "Authorization: Bearer <api_key>"
WIRE_KEY = Cure(
    "tabbydoctor.remedies.router_key:plan_router_key",
    Safety.SAFE,
    title="Let the router read the API key and send it to TabbyAPI, in its probe and its requests",
    command="fix --auth",
)

FRONT_KEY = Cure(
    "tabbydoctor.remedies.router_key:plan_router_key",
    Safety.SAFE,
    title="Give the front TabbyAPI's present key, and restart it",
    command="fix --auth",
)


def readable(reading: RouterReading) -> RouterReading:
    """The reading. Raises Unknown where it could not be made, or found no call to TabbyAPI: the
    one that is there in all likelihood was not seen.
    """
    if reading.problem or not reading.calls:
        raise Unknown(unread_of(reading))
    return reading


def whole(reading: RouterReading | None, read: RouterRead | None) -> None:
    """Return where a fault that was not found in the reading is not there; else raise Unknown."""
    unread = read.unread if read else unread_of(reading) if reading else NOT_IN_TIME
    if unread:
        raise Unknown(unread)


def seen_live(witness: RouterWitness) -> tuple[Evidence, ...]:
    """What the running router was asked, and what came back."""
    return (
        Evidence(f"GET {witness.url}, without a key", "TabbyAPI's list", witness.without_key),
        Evidence(
            f"GET {witness.url}, with a key nobody knows", "TabbyAPI's list", witness.with_unknown
        ),
    )


def name_of(site: RouterSite | None, reading: RouterReading | None = None) -> str:
    """The router's file, its unit or its process, for titles."""
    path = reading.path if reading else site.path if site else None
    if path:
        return path.rpartition("/")[2]
    if site and site.unit:
        return site.unit.name
    return f"process {site.process.pid}" if site and site.process else "the router"


def key_needed(config: EffectiveConfig | None, endpoint: Endpoint | None) -> None:
    """Return where TabbyAPI asks for a key; raise Absent where authentication is off."""
    enforced = endpoint.enforces_auth if endpoint and endpoint.identity == "tabbyapi" else None
    off = config.auth_disabled if config else enforced is False
    if off and not enforced:
        raise Absent("authentication is off: no key is asked for")


def readable_and_asked(
    reading: RouterReading, config: EffectiveConfig | None, endpoint: Endpoint | None
) -> RouterReading:
    """The reading, where TabbyAPI asks for a key. Raises as `readable` and `key_needed` do."""
    readable(reading)
    key_needed(config, endpoint)
    return reading


def keyless(reading: RouterReading, calls: Iterable[Call]) -> list[Call]:
    """The calls that need a key and send none.

    Raises Unknown where there is none such and of one it cannot be told.
    """
    asked = [call for call in calls if not is_open(call.path)]
    found = [call for call in asked if call.sends_key is False]
    vague = [call for call in asked if call.sends_key is None]
    if vague and not found:
        where = reading.place(vague[0])
        raise Unknown(f"whether the call at {where} sends a key cannot be told from the source")
    return found


def evidence_of(
    reading: RouterReading, calls: Iterable[Call], expected: str, actual: str
) -> tuple[Evidence, ...]:
    """One piece of evidence a line."""
    return evidence_at(map(reading.place, calls), expected, actual)


def evidence_at(places: Iterable[str], expected: str, actual: str) -> tuple[Evidence, ...]:
    """One piece of evidence for each `path:line`."""
    return tuple(Evidence(place, expected, actual) for place in dict.fromkeys(places))


def wire_key(
    site: RouterSite | None,
    reading: RouterReading | None = None,
    config: EffectiveConfig | None = None,
) -> Remedy:
    """What `fix --auth` does. It needs root, but for a router of a user's own manager.

    A source in the store it cannot edit: that is changed by hand, where it is made from. Nor can
    it edit a router of a kind that it does not read.
    """
    if site is not None and site.path and by_nix(site.path, site.kind):
        return key_by_rebuild(site.kind, site.unit.name if site.unit else site.kind)
    if site is not None and site.path and in_store(site.path):
        change = key_by_hand(site.path, reading, "api_tokens.yml")
        if config is not None and not binds_loopback_only(config.host):
            return Remedy(change, Safety.MANUAL)
        return Remedy(f"{change}; {DISABLE}", Safety.MANUAL, (disable_command(),))
    if site is not None and site.kind in (UNKNOWN, *BY_HAND, *GATEWAYS):
        send = f"Let {name_of(site)} send {EXPECTED} to TabbyAPI alone"
        front = "or have nginx, HAProxy or Caddy add it before TabbyAPI (--strategy front)"
        return Remedy(f"{send}, in place of what its callers send; {front}", Safety.MANUAL)
    own = site is not None and site.unit is not None and site.unit.user_manager
    return WIRE_KEY.remedy("", root=not own)


def give_key(
    site: RouterSite | None,
    reading: RouterReading | None,
    config: EffectiveConfig | None,
    calls: Iterable[Call] = (),
) -> tuple[Remedy, ...]:
    """What lets a router send the key: what `fix --auth` does, or for a gateway that it does not
    edit the exact lines, for some calls of its.
    """
    if reading is None:
        return (wire_key(site, reading, config),)
    calls = [call for call in calls if call.file or call.line]
    places = {(call.file or reading.path, call.line) for call in calls}
    if any(edit.concern == "key" for edit in reading.by_hand):
        lines = by_hand(reading, "key", site, places or None)
        return (*in_place(site, reading), *lines)
    if any(not call.takes_key for call in calls):
        return keyless_by_nature(config)
    return (wire_key(site, reading, config),)


def in_place(site: RouterSite | None, reading: RouterReading) -> tuple[Remedy, ...]:
    """What `fix --auth` does to a gateway whose files it edits where they stand; else nothing."""
    unit = site.unit if site else None
    if reading.kind not in GATEWAYS or unit is None or unit.user_manager:
        return ()
    stored = any(in_store(path) for path in (reading.path, *(file.path for file in unit.files)))
    if stored or not any(call.certain for call in reading.calls):
        return ()
    return (WIRE_KEY.remedy(""),)


def keyless_by_nature(config: EffectiveConfig | None) -> tuple[Remedy, ...]:
    """What is left where a router has no place for an upstream key: llama-swap's `models`."""
    callers = Remedy(
        "Let its callers send TabbyAPI's API key: it hands on what they send, and has no place "
        "for a key of its own",
        Safety.MANUAL,
    )
    if config is None or not binds_loopback_only(config.host):
        return (callers,)
    off = "Or, as TabbyAPI serves this machine alone, switch its authentication off"
    return (callers, Remedy(off, Safety.MANUAL, (disable_command(),)))


def meant_to_be_off(config: EffectiveConfig | None) -> tuple[str, ...]:
    """The checks that tell why authentication is on against what was written.

    A key under network that TabbyAPI drops is CFG003's, and meant so if its name is near.
    """
    misspelt = any(
        item.section == "network"
        and item.value not in (False, None)
        and get_close_matches(item.key or "", ("disable_auth",), 1, 0.75)
        for item in (config.ignored if config else ())
    )
    return ("CFG004", "CFG003") if misspelt else ("CFG004",)


def answers_401(endpoint: Endpoint | None) -> str:
    """What TabbyAPI does with a call that carries no key, claimed only as far as it was seen."""
    seen = endpoint is not None and endpoint.enforces_auth
    does = "TabbyAPI answers" if seen else "Without a key, TabbyAPI will answer"
    return f"{does} 401 Please provide an API key"


def file_name(reading: RouterReading, places: Sequence[str] = ()) -> str:
    """The file's name, for titles: of the module in which the first of some places is."""
    path = (places[0].rpartition(":")[0] if places else "") or reading.path
    return path.rpartition("/")[2]


def restart(site: RouterSite, title: str, *before: str) -> Remedy:
    """Restart the router, after some commands."""
    unit = site.unit
    commands = (f"{unit.systemctl} restart {shlex.quote(unit.name)}",) if unit else ()
    return Remedy(title, Safety.UNSAFE if unit else Safety.MANUAL, (*before, *commands))
