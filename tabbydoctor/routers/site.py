"""Finding the router in front of TabbyAPI."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from tabbydoctor.deployment.containers import container_of
from tabbydoctor.deployment.parts import Discovery, Instance, ProcessTable, RouterSite, Units
from tabbydoctor.deployment.reader import eyes, has_lent_rights, teller
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.deployment.units import full_name
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.host import Host, Process
from tabbydoctor.routers.inputs import KINDS, router_inputs, router_reading, source_text
from tabbydoctor.routers.site_command import RouterCommand, router_command
from tabbydoctor.routers.site_health import router_backends, router_health, router_targets
from tabbydoctor.routers.site_keys import router_keys
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.targets import Targets

USUAL_NAME = "llm-router.service"
NOT_FOUND = "no router found; name it with --router"
_SENDS = re.compile(r"\b(httpx|requests|aiohttp|openai|urllib|http\.client|litellm|urllib3)\b")
_ROUTES = re.compile(r"router|gateway|proxy|litellm|llama-?swap|balanc|switch", re.IGNORECASE)


def router_site(
    host: Host,
    targets: Targets,
    units: Units | None,
    table: ProcessTable | None,
    discovery: Discovery | None,
    config: EffectiveConfig | None,
) -> RouterSite:
    """The router: as named, else by its unit, else by its process. Raises Absent without one."""
    candidates = _units(units, discovery)
    if targets.router:
        return _named_file(host, targets, targets.router, candidates, table)
    if targets.router_unit:
        return _named_unit(host, targets, units, table)
    port = config.port if config else 5000
    found = [
        site
        for unit in candidates
        if unit.exists and (site := _of_unit(host, unit, table)) and _concerns(host, site, port)
    ]
    found += list(_of_processes(host, table, discovery, port)) if not found else []
    if not found:
        raise Absent(NOT_FOUND)
    return min(found, key=lambda site: (teller(host, site) is not None, *_rank(site)))


def _units(units: Units | None, discovery: Discovery | None) -> list[Unit]:
    """Every unit that is not TabbyAPI's own, nor the doctor's."""
    servers = _servers(discovery)
    own = {one.unit.name for one in servers if one.unit}
    every = units.units if units else ()
    return [
        unit
        for unit in every
        if unit.name not in own and not any("tabbydoctor" in word for word in unit.command)
    ]


def _servers(discovery: Discovery | None) -> list[Instance]:
    if discovery is None:
        return []
    return [one for one in (discovery.instance, *discovery.others) if one is not None]


def _named_file(
    host: Host, targets: Targets, path: str, candidates: list[Unit], table: ProcessTable | None
) -> RouterSite:
    path = path if path.startswith("/") else host.real_path(path)
    site = RouterSite(
        path, kind_of(path, source_text(host, path)), found_by=targets.source("router"), named=True
    )
    for unit in candidates:
        named = unit.name == full_name(targets.router_unit or "")
        other = _of_unit(host, unit, table)
        if other and (named or host.real_path(other.path or "") == host.real_path(path)):
            return replace(other, path=path, kind=site.kind, found_by=site.found_by, named=True)
    if targets.router_unit:
        raise Absent(f"there is no unit {full_name(targets.router_unit)}")
    for process in table.processes if table else ():
        command = router_command(process.argv, process.cwd or "/")
        if command and command.path and host.real_path(command.path) == host.real_path(path):
            found = _of_process(host, process, command)
            return replace(found, path=path, kind=site.kind, named=True)
    return site


def _named_unit(
    host: Host, targets: Targets, units: Units | None, table: ProcessTable | None
) -> RouterSite:
    name = full_name(targets.router_unit or "")
    unit = units.named(name) if units else None
    if unit is None or not unit.exists:
        raise Absent(f"there is no unit {name}")
    site = _of_unit(host, unit, table) or RouterSite(None, "unknown", unit)
    return replace(site, found_by=targets.source("router_unit"))


def _of_unit(host: Host, unit: Unit, table: ProcessTable | None) -> RouterSite | None:
    command = router_command(unit.command, unit.working_directory)
    if command is None:
        return None
    path = command.path
    usual = unit.name == USUAL_NAME
    site = RouterSite(
        path=path,
        kind=command.kind,
        unit=unit,
        process=table.process(unit.main_pid) if table else None,
        user=host.account(unit.user),
        found_by="its usual name" if usual else f"what {unit.name} runs",
        python=command.python,
    )
    return replace(site, kind=site.kind or _kind_at(eyes(host, site), path))


def _of_processes(
    host: Host, table: ProcessTable | None, discovery: Discovery | None, port: int
) -> Iterator[RouterSite]:
    servers = {one.process.pid for one in _servers(discovery) if one.process}
    for process in table.processes if table else ():
        if process.pid in servers or container_of(process):
            continue
        command = router_command(process.argv, process.cwd or "/")
        if command is None or any("tabbydoctor" in word for word in process.argv):
            continue
        if has_lent_rights(host, process):
            continue
        site = _of_process(host, process, command)
        if _concerns(host, site, port):
            yield site


def _of_process(host: Host, process: Process, command: RouterCommand) -> RouterSite:
    return RouterSite(
        path=command.path,
        kind=command.kind or "python",
        process=process,
        user=host.account(process.uid) if process.uid is not None else None,
        found_by=f"process {process.pid}",
        python=command.python,
    )


def _concerns(host: Host, site: RouterSite, port: int) -> bool:
    """Whether its file speaks of TabbyAPI: by name, or by its port together with HTTP."""
    if site.unit and site.unit.name == USUAL_NAME:
        return True
    try:
        text = source_text(eyes(host, site), site.path) if site.path else ""
    except Unknown:
        return bool(site.unit and _ROUTES.search(site.unit.name))
    if site.kind != "python":
        return "tabby" in text.lower() or re.search(rf":{port}\b", text) is not None
    mentions = "tabby" in text.lower() or re.search(rf"\b{port}\b", text) is not None
    return mentions and _SENDS.search(text) is not None and "TabbyConfigModel" not in text


def _rank(site: RouterSite) -> tuple[bool, bool, bool, str]:
    name = site.unit.name if site.unit else site.path or ""
    running = bool(site.process) or bool(site.unit and site.unit.active)
    return (name != USUAL_NAME, not _ROUTES.search(name), not running, name)


def kind_of(path: str, text: str) -> str:
    """The kind of router a file is: `python`, `litellm`, `llama-swap`, or `unknown`."""
    for name, kind in KINDS.items():
        if kind.recognises(path, text, ()):
            return name
    return "unknown"


def _kind_at(host: Host, path: str | None) -> str:
    try:
        return kind_of(path, source_text(host, path)) if path else "unknown"
    except Unknown:
        return "python" if path and path.endswith(".py") else "unknown"


GATHERERS = (
    router_site,
    router_inputs,
    router_reading,
    router_keys,
    router_health,
    router_backends,
    router_targets,
)
