"""The router overwrites TabbyAPI's config.yml.

## What it checks
The router must not write the configuration file that TabbyAPI runs on.

## Why it matters
Whatever was set there is gone at the next model switch: a repair, a port, a limit. A router
in the field writes `disable_auth: true` and `host: 0.0.0.0`, which opens the server to the
whole network.

## How it is told
The source is read, never run: the files it opens for writing.

## What to do
Let the router load models through TabbyAPI (`POST /v1/model/load` with the admin key), or
keep what must last in `TABBY_…` variables of the unit, which beat the file.
"""

import posixpath
from collections.abc import Iterator

from tabbydoctor.api import Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.routers import RouterReading
from tabbydoctor.tabbyapi.config import EffectiveConfig

from . import evidence_at, file_name, readable


@check("RTR006", "router-rewrites-config", category="router", severity=Severity.WARNING)
def rewrites_config(
    reading: RouterReading, config: EffectiveConfig | None, instance: Instance | None
) -> Iterator[Finding]:
    readable(reading)
    own = {file.path for file in config.files} if config else set()
    if instance:
        own.add(posixpath.join(instance.directory, "config.yml"))
    found = [path for path in reading.writes_files if _is_tabbys(path, own)]
    places = reading.at(lambda part: [n for path, n in part.writes_files.items() if path in found])
    if found:
        path = next((path for path in found if path in own), next(iter(found)))
        yield Finding(
            f"{file_name(reading, places)} overwrites {path}",
            "What is set there is lost at the next model switch, this doctor's repairs too.",
            evidence=evidence_at(places, "left alone", "written"),
            remedies=(
                Remedy(
                    "Let the router load models with POST /v1/model/load, and write no file",
                    Safety.MANUAL,
                ),
            ),
        )


def _is_tabbys(path: str, own: set[str]) -> bool:
    directory, name = posixpath.split(path)
    return path in own or (not own and name == "config.yml" and "tabby" in directory.lower())
