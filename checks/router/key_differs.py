"""The key that the router sends is not one that TabbyAPI accepts.

## What it checks
The key in the router's environment, in its credential, in its own source or in the tokens
file it reads must be one of api_tokens.yml, and the file it reads must be there. A file counts
where its key goes to this TabbyAPI, and the router has no other in its place.

## Why it matters
TabbyAPI answers `401 Invalid API key` to everything. It is what a rotated key leaves behind
where the router holds a copy of it. A router whose key file is gone sends no key at all.

## How it is told
Each key that the router is known to send is compared with those of the file TabbyAPI reads.
What the running router holds counts as well as what its unit would give it next time. And the
running router, whatever its language, is asked `GET /v1/models` without a key and with one that
nobody knows: where TabbyAPI's own `Invalid API key` comes back both times, it was sent a wrong
one. No real key is sent.

## What to do
`tabbydoctor fix --auth` puts the present key into the credential or environment file that
holds the old one, and restarts the router. Better, let the router read the tokens file when it
needs the key: `tabbydoctor fix --auth --strategy router-tokens`.
"""

import shlex
from collections.abc import Iterator

from tabbydoctor.api import AUTH, ROUTER_KEY, Absent, Evidence, Finding, Remedy, Unknown, check
from tabbydoctor.deployment.nixos import in_store, managed
from tabbydoctor.deployment.parts import Machine, RouterSite
from tabbydoctor.front.design import KEY_PATH
from tabbydoctor.front.standing import Front
from tabbydoctor.nixos.by_rebuild import where_made
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.site.environment import variable_of
from tabbydoctor.routers.site.keys import LITERAL, RouterKey, RouterKeys
from tabbydoctor.routers.unread import RouterRead
from tabbydoctor.routers.witness import RouterWitness
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.tabbyapi.tokens import Tokens

from . import (
    FRONT_KEY,
    WIRE_KEY,
    give_key,
    key_needed,
    name_of,
    restart,
    seen_live,
    whole,
    wire_key,
)


@check(
    "RTR005",
    "router-key-differs",
    category="router",
    # API005: the tokens file itself is not the server's.
    caused_by=("API005", "TOK001", "TOK005", "TOK007"),
    cure=WIRE_KEY,
    tags=(AUTH, ROUTER_KEY),
)
def key_differs(
    keys: RouterKeys | None,
    site: RouterSite,
    tokens: Tokens | None,
    config: EffectiveConfig | None,
    endpoint: Endpoint | None,
    machine: Machine | None = None,
    witness: RouterWitness | None = None,
    read: RouterRead | None = None,
    reading: RouterReading | None = None,
    front: Front | None = None,
) -> Iterator[Finding]:
    key_needed(config, endpoint)
    if front and front.serves(site.unit.name if site.unit else None):
        yield from _of_front(front, tokens, witness)
        return
    live = seen_live(witness) if witness and witness.verdict == "wrong sent" else ()
    try:
        held = list(_held(keys, site, tokens, config, machine, live, reading))
    except (Absent, Unknown):
        held = []
        if not live:
            if read:
                whole(None, read)
            raise
    yield from held
    if live and not any(live[0] in one.evidence for one in held):
        yield Finding(
            f"The key that {name_of(site)} sends is none of TabbyAPI's",
            "TabbyAPI refuses it with 401 Invalid API key; it was rotated, or is another's.",
            evidence=live,
            remedies=_wire(site, config, reading),
        )
    elif read and not held:
        whole(None, read)


def _of_front(
    front: Front, tokens: Tokens | None, witness: RouterWitness | None
) -> Iterator[Finding]:
    """The key that the router's front adds, in the place of whatever the router sends."""
    live = seen_live(witness) if witness and witness.verdict == "wrong sent" else ()
    accepted = {*tokens.api_keys, tokens.admin_key} if tokens else set()
    if front.key is None and not live:
        raise Unknown(f"{KEY_PATH} cannot be read: use sudo")
    if tokens is None and not live:
        raise Absent("where TabbyAPI's keys are is not known")
    if not live and (front.key in accepted or not accepted - {None}):
        return
    expected = f"a key of {tokens.path}" if tokens else "a key of TabbyAPI's"
    yield Finding(
        f"The key that the front of {front.design.router} adds is none of TabbyAPI's",
        "TabbyAPI refuses it with 401 Invalid API key; it was rotated, or is another's.",
        evidence=(Evidence(KEY_PATH, expected, "another key"), *live),
        remedies=(FRONT_KEY.remedy("RTR005"),),
    )


def _held(
    keys: RouterKeys | None,
    site: RouterSite,
    tokens: Tokens | None,
    config: EffectiveConfig | None,
    machine: Machine | None,
    live: tuple[Evidence, ...],
    reading: RouterReading | None,
) -> Iterator[Finding]:
    """What the copies of the key tell. Raises Absent or Unknown where they tell nothing."""
    if keys is None:
        raise Unknown("which key the router sends is not known")
    if tokens is None:
        raise Absent("where TabbyAPI's keys are is not known")
    gone = [_gone(path, where, tokens, site, machine) for path, where in keys.missing.items()]
    yield from gone
    if not keys.keys and gone:
        return
    if not keys.keys:
        raise Absent("the router holds no copy of a key")
    if tokens.problem == "unreadable" and not gone:
        raise Unknown(f"{tokens.path} cannot be read: {tokens.detail or 'use sudo'}")
    accepted = {*tokens.api_keys, *([tokens.admin_key] if tokens.admin_key else [])}
    if not accepted and not gone:
        raise Absent(f"{tokens.path} holds no key to compare with")
    wrong = [key for key in keys.keys if key.refused(accepted)] if accepted else []
    if wrong:
        yield Finding(
            f"The key from {wrong[0].source} is none of {tokens.path}",
            "TabbyAPI refuses it with 401 Invalid API key; it was rotated, or is another's.",
            evidence=tuple(
                Evidence(place, f"a key of {tokens.path}", "another key")
                for key in wrong
                for place in _places(key, reading)
            )
            + live,
            remedies=(*_wire(site, config, reading), _give(wrong, tokens, site, machine)),
        )


def _places(key: RouterKey, reading: RouterReading | None) -> list[str]:
    """Where a key is: of one written in a gateway's file the lines that send it."""
    calls = reading.calls if reading and reading.by_hand and key.source == LITERAL else ()
    here = [one for one in calls if one.sends_key and one.file == key.where and reading]
    return [reading.place(one) for one in here if reading] or [key.where]


def _wire(
    site: RouterSite, config: EffectiveConfig | None, reading: RouterReading | None
) -> tuple[Remedy, ...]:
    """The lines of a gateway that hold a key, else what gives a router the key."""
    if reading is None or not reading.by_hand:
        return (wire_key(site, config=config),)
    keyed = [call for call in reading.calls if call.sends_key is not False]
    return give_key(site, reading, config, keyed)


def _give(
    wrong: list[RouterKey], tokens: Tokens, site: RouterSite, machine: Machine | None
) -> Remedy:
    """The present key where the router has the old one, by hand."""
    title, files = "Or give it the present key, and restart it", _written_in(wrong, site)
    of_unit = {file.path for file in site.unit.files} if site.unit else set()
    if any(f" of {key.where}" in key.source for key in wrong):
        title = f"Or let it read {tokens.path}, and restart it"
    stored = next(filter(in_store, files), None)
    if stored:
        return where_made(title, stored, nixos=managed(machine, site.unit))
    reload = [f"{site.unit.systemctl} daemon-reload"] if site.unit and of_unit & set(files) else []
    return restart(site, title, *(f"sudoedit {shlex.quote(path)}" for path in files), *reload)


def _written_in(wrong: list[RouterKey], site: RouterSite) -> list[str]:
    """The files that give the router its old keys: its unit's, or its own."""
    found: dict[str, None] = {}
    for key in wrong:
        name = variable_of(key.source)
        if key.file:
            found[key.file] = None
        elif key.where.startswith("unit ") and site.unit:
            of_unit = [file.path for file in site.unit.files if f"{name}=" in file.text]
            found |= dict.fromkeys(of_unit[-1:])
        elif not name and site.path:  # in its source, or from a file that its source names
            found[site.path] = None
    return list(found)


def _gone(
    path: str, where: str, tokens: Tokens, site: RouterSite, machine: Machine | None
) -> Finding:
    source = where.rpartition(":")[0]
    title = f"Write {tokens.path} there, and restart the router"
    edit = restart(site, title, f"sudoedit {shlex.quote(source)}")
    if in_store(source):
        nixos = managed(machine, site.unit)
        edit = where_made(f"Write {tokens.path} there", source, nixos=nixos)
    return Finding(
        f"{path}, from which the router reads its key, is not there",
        "The router sends no key, or does not start.",
        evidence=(Evidence(where, tokens.path, path), Evidence(path, "a file", "nothing")),
        remedies=(edit, wire_key(site)),
    )
