"""The health check of TabbyAPI's container can never turn green, or says that it fails.

## What it checks
The command of the container's health check: the port and the path that it asks for, how, and with
which key. And what the engine makes of it.

## Why it matters
What waits for it (`depends_on: condition: service_healthy`, an orchestrator, a proxy) never starts
or takes TabbyAPI out, although it serves.

## How it is told
By the engine's record. TabbyAPI answers `GET /health` to everybody; `HEAD` with 405 (`wget
--spider`, `curl -I`), every other route of the API with 401 without a key. The check runs inside
the container: the port is the one TabbyAPI listens at there.

## What to do
`test: ["CMD-SHELL", "curl -fs http://127.0.0.1:5000/health || exit 1"]`, and a `start_period` as
long as the model takes to load.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.health_test import hopeless

from . import box_of, made_anew


@check(
    "CTR006",
    "container-unhealthy",
    category="container",
    severity=Severity.WARNING,
    caused_by=("API001", "API007", "API011", "CTR001"),
)
def unhealthy(instance: Instance, config: EffectiveConfig) -> Iterator[Finding]:
    box = box_of(instance)
    if not box.health_test:
        raise Absent(f"{box.label} has no health check that is known")
    why = hopeless(box.health_test, config.port, config.auth_disabled)
    if not why:
        return
    good = f"curl -fs http://127.0.0.1:{config.port}/health || exit 1"
    yield Finding(
        f"The health check of {box.label} cannot turn green: {why}",
        f"Its engine calls it {box.health or 'unhealthy'}, and what waits for it does not start.",
        (Evidence("the engine's record", good, shlex.join(box.health_test)),),
        (made_anew(f"Let it ask for {good}", box),),
    )
