"""Finding TabbyAPI without any option: its unit, else its process, else the directory named, else a
container that has ended."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from tabbydoctor.deployment.exit_status import LOAD_STATES
from tabbydoctor.deployment.found_containers import ended_instances
from tabbydoctor.deployment.found_processes import from_processes, is_of, join, servers
from tabbydoctor.deployment.found_units import USUAL_NAMES, from_units, unloadable
from tabbydoctor.deployment.parts import Discovery, Instance, ProcessState, ProcessTable, Units
from tabbydoctor.deployment.reader import teller
from tabbydoctor.deployment.units import full_name
from tabbydoctor.facts import Absent
from tabbydoctor.host import Host
from tabbydoctor.records import replace
from tabbydoctor.targets import Targets


def discovery(host: Host, targets: Targets, table: ProcessTable, units: Units | None) -> Discovery:
    """Every TabbyAPI of this machine, and the one to examine."""
    found = list(from_units(host, targets, table, units)) if units else []
    own = {(one.unit.name, one.unit.user_manager) for one in found if one.unit}
    for process, started in servers(from_processes(host, table, units)):
        if (process.unit, process.user_unit) not in own and not is_of(process, found):
            join(host, found, process, started)
    chosen = _choose(host, found, targets, table)
    broken = unloadable(targets, units) if units and chosen is None else None
    if chosen is None and targets.dir:
        chosen = Instance(directory=_absolute(host, targets.dir), unit=broken)
    if chosen is None and broken is None and not _names_another(targets):
        found = list(ended_instances(host, table))
        chosen = found[0] if found else None
    if chosen is None:
        return Discovery(None, (), broken)
    return Discovery(
        _as_named(host, chosen, targets), tuple(one for one in found if one is not chosen)
    )


def _names_another(targets: Targets) -> bool:
    """Whether the user named what is no container of this machine."""
    return bool(targets.url or targets.unit or targets.user_unit)


def instance(discovery: Discovery, targets: Targets) -> Instance:
    """The TabbyAPI to examine. Raises Absent where there is none on this machine."""
    if discovery.instance is None and discovery.unloadable:
        unit = discovery.unloadable
        state = LOAD_STATES.get(unit.get("LoadState"), "systemd cannot load it")
        raise Absent(f"where {unit.name} runs is not known ({state}); name it with --dir")
    if discovery.instance is None:
        where = f" ({targets.url} is examined from outside)" if targets.url else ""
        raise Absent(f"no TabbyAPI was found on this machine{where}; name it with --dir or --unit")
    return discovery.instance


def process_state(host: Host, instance: Instance) -> ProcessState:
    """What the running server's process does. Raises Absent where none runs."""
    if instance.process is None:
        raise Absent("TabbyAPI is not running")
    try:
        text = host.read(f"/proc/{instance.process.pid}/stat", 4096).text()
    except OSError as error:
        raise Absent("TabbyAPI's process has ended") from error
    # The name before it, in brackets, may hold anything.
    return ProcessState(text.rpartition(")")[2].strip()[:1])


def _choose(
    host: Host, found: Iterable[Instance], targets: Targets, table: ProcessTable
) -> Instance | None:
    """The one that was asked for; else root's before those by an account's own word, the usual
    name, a running one, the first by name."""
    candidates = list(found)
    if targets.unit or targets.user_unit:
        name = full_name(targets.user_unit or targets.unit or "")
        candidates = [one for one in candidates if one.unit and one.unit.name == name]
    if targets.dir:
        wanted = targets.dir.rstrip("/")
        candidates = [one for one in candidates if wanted in (one.directory, one.main_directory)]
    port = urlsplit(targets.url).port if targets.url else None
    return min(candidates, key=lambda one: _rank(host, one, port, table), default=None)


def _rank(
    host: Host, one: Instance, port: int | None, table: ProcessTable
) -> tuple[bool, bool, int, bool, str]:
    own = one.process.pid if one.process else 0
    holds = any(each.port == port and each.pid == own for each in table.listeners if each.pid)
    name = one.unit.name if one.unit else ""
    usual = USUAL_NAMES.index(name) if name in USUAL_NAMES else len(USUAL_NAMES)
    told = teller(host, one) is not None
    return (not holds, told, usual, one.process is None, one.name)


def _as_named(host: Host, one: Instance, targets: Targets) -> Instance:
    """With what the user gave in place of what was found."""
    found_by = dict(one.found_by)
    if targets.dir and one.directory != targets.dir.rstrip("/"):
        one = replace(one, directory=_absolute(host, targets.dir))
    for part in ("dir", "unit", "user_unit", "user"):
        if getattr(targets, part):
            found_by[part.removeprefix("user_") if part == "user_unit" else part] = targets.source(
                part
            )
    if targets.user:
        one = replace(one, user=host.account(targets.user))
    return replace(one, found_by=found_by)


def _absolute(host: Host, path: str) -> str:
    return path.rstrip("/") or "/" if path.startswith("/") else host.real_path(path)


GATHERERS = (discovery, instance, process_state)
