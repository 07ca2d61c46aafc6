"""Finding the router in front of TabbyAPI."""

from __future__ import annotations

from tabbydoctor.deployment.parts import Connections, Discovery, ProcessTable, RouterSite, Units
from tabbydoctor.deployment.reader import teller
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.deployment.units import full_name
from tabbydoctor.facts import Absent
from tabbydoctor.front.design import UNIT as FRONT
from tabbydoctor.front.standing import Front
from tabbydoctor.host import Host
from tabbydoctor.records import replace
from tabbydoctor.routers.kinds import BUILT_IN, RouterKinds
from tabbydoctor.routers.site.candidates import (
    Around,
    TabbyPlace,
    callers,
    concerns,
    is_module,
    named_router,
    of_process,
    of_unit,
    runs,
    speakers,
)
from tabbydoctor.routers.site.composed import composed, described
from tabbydoctor.routers.site.content import source_text
from tabbydoctor.routers.site.listening import servers
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Address
from tabbydoctor.targets import Targets

USUAL_NAME = "llm-router.service"
NOT_FOUND = "no router found; name it with --router"


def router_site(
    host: Host,
    targets: Targets,
    units: Units | None,
    table: ProcessTable | None,
    discovery: Discovery | None,
    config: EffectiveConfig | None,
    address: Address | None = None,
    connections: Connections | None = None,
    kinds: RouterKinds = BUILT_IN,
    front: Front | None = None,
) -> RouterSite:
    """The router: as named, else by its unit, by who talks to TabbyAPI, by what a process runs.

    Raises Absent without one.
    """
    around = Around(
        host, table, discovery, connections, TabbyPlace.of(config, address, front), kinds
    )
    candidates = _units(units, discovery)
    if targets.router:
        site = _named_file(around, targets, targets.router, candidates)
    elif targets.router_unit:
        site = _named_unit(around, targets, units)
    else:
        site = _found(around, candidates)
    return around.with_sockets(site)


def _found(around: Around, candidates: list[Unit]) -> RouterSite:
    found = [
        site
        for unit in candidates
        if unit.exists and (site := of_unit(around, unit)) and concerns(around, site)
    ]
    known = {site.unit.name for site in found if site.unit}
    found += [one for one in callers(around) if not one.process or one.process.unit not in known]
    found += speakers(around) if not found else []
    if not found:
        raise Absent(NOT_FOUND)
    return min(
        found, key=lambda site: (teller(around.host, site) is not None, *_rank(around, site))
    )


def _units(units: Units | None, discovery: Discovery | None) -> list[Unit]:
    """Every unit that is not TabbyAPI's own, nor the doctor's."""
    own = {one.unit.name for one in servers(discovery) if one.unit}
    every = units.units if units else ()
    return [
        unit
        for unit in every
        if unit.name not in (*own, FRONT)
        and not any("tabbydoctor" in word for word in unit.command)
    ]


def _named_file(around: Around, targets: Targets, path: str, candidates: list[Unit]) -> RouterSite:
    host, table = around.host, around.table
    path = path if path.startswith("/") else host.real_path(path)
    text = source_text(host, path)
    site = RouterSite(path, "", found_by=targets.source("router"), named=True)
    if found := composed(host, path, text, around.kinds):
        site = described(site, found)
        path = site.path or path
    else:
        site = replace(site, kind=around.kinds.of(path, text))
    inner: RouterSite | None = None
    for unit in candidates:
        named = unit.name == full_name(targets.router_unit or "")
        other = of_unit(around, unit)
        if other and (named or host.real_path(other.path or "") == host.real_path(path)):
            return replace(other, path=path, kind=site.kind, found_by=site.found_by, named=True)
        if other and is_module(around, other, path):
            inner = inner or replace(other, found_by=site.found_by)
    if inner:
        return inner
    if targets.router_unit:
        raise Absent(f"there is no unit {full_name(targets.router_unit)}")
    running = [one for one in (table.processes if table else ()) if runs(host, one, path)]
    if not running:
        return site
    # Whatever started it names the file, too: the one that listens is the router.
    process = min(running, key=lambda one: not around.listens(one))
    return replace(of_process(around, process), path=path, kind=site.kind, named=True)


def _named_unit(around: Around, targets: Targets, units: Units | None) -> RouterSite:
    name = full_name(targets.router_unit or "")
    unit = units.named(name) if units else None
    if unit is None or not unit.exists:
        raise Absent(f"there is no unit {name}")
    site = of_unit(around, unit) or RouterSite(
        None, "unknown", unit, around.process(unit), around.account(unit)
    )
    return replace(site, found_by=targets.source("router_unit"))


def _rank(around: Around, site: RouterSite) -> tuple[bool, bool, bool, bool, bool, str]:
    """The usual name first, then who is seen to talk to TabbyAPI, then names that tell."""
    name = site.unit.name if site.unit else site.path or ""
    running = bool(site.process) or bool(site.unit and site.unit.active)
    seen = around.with_sockets(site)
    talks, listens = bool(seen.pids & around.talking), bool(seen.urls)
    return (
        name != USUAL_NAME,
        not talks,
        not named_router(name),
        not running,
        not listens,
        name,
    )


GATHERERS = (router_site,)
