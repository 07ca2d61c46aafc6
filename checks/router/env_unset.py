"""The router reads a variable that its unit does not set, or one is set that it does not read.

## What it checks
The variable from which the router takes TabbyAPI's key must be set for its unit, or for its
process where it has no unit; a `TABBY_…KEY` set for the unit must be one the router reads.
Where the router has another place to read the key from, the variable may be missing. Where it
loads a .env file or sets its own environment, whether one is missing is not known.

## Why it matters
Without it the router sends an empty key or none, and TabbyAPI answers 401. A key set for
nothing is a secret lying about, and a repair that does not work.

## How it is told
The variables that the source reads, beside `Environment=` and `EnvironmentFile=` of the
unit and the environment of the running process. What a .env file holds is not read.

## What to do
`tabbydoctor fix --auth --strategy router-env` sets the variable that is not set, whatever its
name, in a file that root alone can read, and restarts the router: not one that other servers may
be sent, or whose name is not that of a key. Without `--strategy` the router reads api_tokens.yml
instead, where it may. One that is set and never read is left to you: take it out of the unit.
"""

import re
import shlex
from collections.abc import Iterator

from tabbydoctor.api import (
    AUTH,
    Absent,
    Evidence,
    Finding,
    Remedy,
    Safety,
    Severity,
    Unknown,
    check,
)
from tabbydoctor.deployment.nixos import in_store, managed
from tabbydoctor.deployment.parts import Machine, RouterSite
from tabbydoctor.nixos.by_rebuild import by_rebuild
from tabbydoctor.nixos.service import without_variable_line
from tabbydoctor.records import replace
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.site.environment import (
    perhaps_unset,
    router_environment,
    unset_variables,
    variable_of,
)
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint

from . import WIRE_KEY, file_name, readable_and_asked, wire_key

_KEY = re.compile(r"TABBY\w*(KEY|TOKEN)")


@check(
    "RTR009",
    "router-env-unset",
    category="router",
    severity=Severity.WARNING,
    cure=replace(WIRE_KEY, in_part=True),
    tags=(AUTH,),
)
def env_unset(
    reading: RouterReading,
    site: RouterSite,
    config: EffectiveConfig | None,
    endpoint: Endpoint | None,
    machine: Machine | None = None,
) -> Iterator[Finding]:
    readable_and_asked(reading, config, endpoint)
    if site.unit is None:
        _look_at_process(site, reading, root=machine is not None and machine.root)
    found = [_unset(site, name, reading, config) for name in unset_variables(site, reading)]
    whole = not reading.incomplete  # else what it does not read is not known
    for name in router_environment(site) if site.unit and whole else ():
        if _KEY.fullmatch(name) and name not in reading.reads_environment:
            found.append(_unused(site, name, reading, machine))
    yield from found
    for name, where in perhaps_unset(site, reading).items() if not found else ():
        raise Unknown(f"{where} may set {name} itself: what it sets is not known from here")


def _look_at_process(site: RouterSite, reading: RouterReading, root: bool) -> None:
    """Raises Absent or Unknown where the variables of a router without a unit cannot be seen."""
    if site.process is None or not any(variable_of(call.key_from) for call in reading.calls):
        raise Absent("the router has no unit")
    if site.process.environment is None and root:
        raise Absent(f"process {site.process.pid} shows no environment")
    if site.process.environment is None:
        raise Unknown(f"the environment of process {site.process.pid} cannot be seen: use sudo")


def _unset(
    site: RouterSite, name: str, reading: RouterReading, config: EffectiveConfig | None
) -> Finding:
    place = reading.where(lambda part: part.reads_environment, name)
    unit, process = site.unit, site.process
    who = unit.name if unit else f"Process {process.pid}" if process else "Nobody"
    does = "does not set" if unit else "does not have"
    return Finding(
        f"{who} {does} {name}, which {file_name(reading, (place,) if place else ())} sends",
        "The router sends an empty key, or none.",
        evidence=(
            Evidence(place or reading.path),
            Evidence((unit.get("FragmentPath") if unit else "") or who, "set", "not set"),
        ),
        remedies=(wire_key(site, reading, config),),
    )


def _unused(
    site: RouterSite, name: str, reading: RouterReading, machine: Machine | None
) -> Finding:
    unit = site.unit
    texts = {file.path: file.text or "" for file in unit.environment_files} if unit else {}
    texts |= {file.path: file.text for file in unit.files} if unit else {}
    where = next((path for path, text in texts.items() if f"{name}=" in text), "")
    commands = (f"sudoedit {shlex.quote(where)}",) if where and not in_store(where) else ()
    remedy = Remedy(
        f"Take {name} out of {where or 'the unit'}: nothing needs it", Safety.MANUAL, commands
    )
    if unit and managed(machine, unit) and name in unit.environment:
        remedy = by_rebuild(f"Take {name} out of the unit", without_variable_line(unit, name))
    return Finding(
        f"{unit.name if unit else 'the unit'} sets {name}, which {file_name(reading)} never reads",
        "Setting it changes nothing: the router's source has no such variable.",
        evidence=(Evidence(reading.path, f"reads {name}", "does not"),),
        remedies=(remedy,),
    )
