"""The router reads a variable that its unit does not set, or one is set that it does not read.

## What it checks
The variable from which the router takes TabbyAPI's key must be set for its unit; a
`TABBY_…KEY` set for the unit must be one the router reads.

## Why it matters
Without it the router sends an empty key or none, and TabbyAPI answers 401. A key set for
nothing is a secret lying about, and a repair that does not work.

## How it is told
The variables that the source reads, beside `Environment=` and `EnvironmentFile=` of the
unit and the environment of the running process.

## What to do
`tabbydoctor fix --auth --strategy router-env` sets it in a file that others cannot read.
"""

import re
from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Severity, check
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.marked_block import CREDENTIALS
from tabbydoctor.routers.site_environment import is_credential, router_environment
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint

from . import file_name, key_needed, readable, wire_key

_KEY = re.compile(r"TABBY\w*(KEY|TOKEN)")


@check("RTR009", "router-env-unset", category="router", severity=Severity.WARNING)
def env_unset(
    reading: RouterReading,
    site: RouterSite,
    config: EffectiveConfig | None,
    endpoint: Endpoint | None,
) -> Iterator[Finding]:
    readable(reading)
    key_needed(config, endpoint)
    if site.unit is None:
        raise Absent("the router has no unit")
    values = router_environment(site)
    running = (site.process.environment if site.process else None) or {}
    for name in _wanted(reading):
        if not values.get(name) and not running.get(name) and not _passed(site.unit, name, reading):
            line = reading.reads_environment.get(name)
            yield Finding(
                f"{site.unit.name} does not set {name}, which {file_name(reading)} sends",
                "The router sends an empty key, or none.",
                evidence=(
                    Evidence(f"{reading.path}:{line}" if line else reading.path),
                    Evidence(site.unit.get("FragmentPath") or site.unit.name, "set", "not set"),
                ),
                remedies=(wire_key(site),),
            )
    for name in values:
        if _KEY.fullmatch(name) and name not in reading.reads_environment:
            yield _unused(site, name, reading)


def _wanted(reading: RouterReading) -> list[str]:
    """The variables whose value goes to TabbyAPI as the key."""
    sources = (call.key_from for call in reading.calls)
    return sorted({source.split()[1] for source in sources if source.startswith("environment ")})


def _passed(unit: Unit, name: str, reading: RouterReading) -> bool:
    """Whether it comes from the manager's own environment, or a credential comes instead."""
    credential = CREDENTIALS in reading.reads_environment and is_credential(unit, name)
    return credential or name in unit.get("PassEnvironment").split()


def _unused(site: RouterSite, name: str, reading: RouterReading) -> Finding:
    unit = site.unit.name if site.unit else "the unit"
    return Finding(
        f"{unit} sets {name}, which {file_name(reading)} never reads",
        "Setting it changes nothing: the router's source has no such variable.",
        evidence=(Evidence(reading.path, f"reads {name}", "does not"),),
        remedies=(wire_key(site),),
    )
