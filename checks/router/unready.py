"""The router's unit is down, or the router reports TabbyAPI down.

## What it checks
The router's unit must be running, and where its own `/health` tells of backends, TabbyAPI
must not be reported down there while it answers.

## Why it matters
Clients talk to the router: what it does not answer, nobody gets.

## How it is told
systemd's state of the unit and what it ended with, and `GET /health` on the port the router's
process listens on (only where its source, read to its end, shows that it answers that without
asking anybody for a completion; LiteLLM is asked `/health/liveliness`). Its source, where it
does not parse. That it reports TabbyAPI down is an error while TabbyAPI answers.

## What to do
Read why it stopped in its journal, and start it. Where its own check of TabbyAPI fails and
nothing else is found, its journal tells what the check ran into.
"""

import shlex
from collections.abc import Iterator

from tabbydoctor.api import (
    PASSING,
    Absent,
    Evidence,
    Finding,
    Remedy,
    Safety,
    Severity,
    Unknown,
    check,
)
from tabbydoctor.deployment.exit_status import LOAD_STATES, decoded
from tabbydoctor.deployment.nixos import in_store, managed
from tabbydoctor.deployment.parts import Machine, RouterSite
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.nixos.by_rebuild import where_made
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.site.health import RouterHealth
from tabbydoctor.tabbyapi.probes import Endpoint

NOT_PARSED = "not valid Python"
REPORTED = (
    *("RTR001", "RTR005", "RTR007", "RTR009", "RTR011", "RTR013", "RTR015", "RTR017"),
    *("API001", "API002", "API005", "SVC002"),
    *("TOK001", "TOK002", "TOK003", "TOK006", "TOK010"),
)
"""What makes a router report TabbyAPI down."""
NOT_STARTED = ("SVC009",)
"""What keeps the router's own unit from starting; nothing of TabbyAPI's does."""

PROGRAMS_OWN = "exit status "
"""A status of the program itself: what TabbyAPI means by one, a router does not."""


@check(
    "RTR010",
    "router-unready",
    category="router",
    caused_by=(*REPORTED, *NOT_STARTED),
    tags=(PASSING,),
)
def unready(
    site: RouterSite,
    health: RouterHealth | None,
    reading: RouterReading | None,
    machine: Machine | None = None,
    endpoint: Endpoint | None = None,
) -> Iterator[Finding]:
    unit = site.unit
    if unit is None and health is None:
        raise Absent("the router has no unit and its /health was not asked")
    if unit is not None and not unit.active:
        yield _down(unit, reading, managed(machine, unit))
        return
    if health is not None and health.tabbyapi is False:
        answers = endpoint is not None and endpoint.reached
        yield Finding(
            f"The router at {health.url} reports TabbyAPI down"
            + (", which answers" if answers else ""),
            "It answers itself, but its own check of TabbyAPI fails.",
            evidence=(Evidence(f"{health.url}{health.path}", "TabbyAPI up", "TabbyAPI down"),),
            remedies=(_why_it_fails(site),),
            severity=Severity.ERROR if answers else Severity.WARNING,
            caused_by=REPORTED,
        )
    if health is not None and health.unseen:
        raise Unknown(health.unseen)


def _down(unit: Unit, reading: RouterReading | None, nixos: bool) -> Finding:
    state = unit.get("ActiveState") or "unknown"
    starting = state == "activating" and unit.get("SubState") != "auto-restart"
    meant = unit.get("UnitFileState") == "enabled" or state == "failed"
    name = shlex.quote(unit.name)
    parts = reading.modules if reading else ()
    broken = next((part for part in parts if part.problem.startswith(NOT_PARSED)), None)
    where = f"{broken.path}:{broken.line}" if broken and broken.line else ""
    what, meaning = _ended(unit)
    return Finding(
        f"The router's unit {unit.name} is {state}{f': {where} is not Python' if where else ''}",
        f"Its last result is {what or 'not known'}{f': {meaning}' if meaning else ''}.",
        evidence=(
            *((Evidence(where, "valid Python", broken.problem),) if broken else ()),
            Evidence(f"systemctl show {name}", "active", f"{state}, {what}" if meaning else state),
        ),
        remedies=(_mend(broken, unit, nixos) if broken else _start(unit),),
        severity=Severity.ERROR if meant and not starting else Severity.WARNING,
        caused_by=NOT_STARTED if _lacks_file(unit) else (),
    )


def _ended(unit: Unit) -> tuple[str, str]:
    """What happened, in systemd's words and in plain ones where it ended badly."""
    if unit.get("Result") in ("", "success") and unit.get("LoadState") not in LOAD_STATES:
        return unit.get("Result"), ""
    what, meaning = decoded(unit)
    if what.startswith(PROGRAMS_OWN):
        return what, "it ended with an error, which its log tells"
    return what, meaning


def _lacks_file(unit: Unit) -> bool:
    return any(file.text is None and not file.optional for file in unit.environment_files)


def _why_it_fails(site: RouterSite) -> Remedy:
    """Where the router itself says what its check runs into."""
    if site.unit is None:
        return Remedy("Read what the router prints: why its own check of TabbyAPI fails")
    log = (f"{site.unit.journalctl} -n 50 --no-pager",)
    return Remedy("Read in its journal why its own check of TabbyAPI fails", commands=log)


def _start(unit: Unit) -> Remedy:
    name = shlex.quote(unit.name)
    return Remedy(
        "See why it stopped, then start it",
        Safety.UNSAFE,
        (f"{unit.journalctl} -n 50 --no-pager", f"{unit.systemctl} restart {name}"),
    )


def _mend(broken: RouterReading, unit: Unit, nixos: bool) -> Remedy:
    path, line = shlex.quote(broken.path), broken.line or 1
    title = f"Correct line {line} (the mistake may be above it), then start the router"
    restart = f"{unit.systemctl} restart {shlex.quote(unit.name)}"
    look = f"sudo sed -n {max(line - 3, 1)},{line + 1}p {path}"
    if in_store(broken.path):
        title = f"Correct line {line} (the mistake may be above it)"
        return where_made(title, broken.path, nixos=nixos, first=(look,), then=(restart,))
    return Remedy(title, Safety.UNSAFE, (look, f"sudoedit {path}", restart))
