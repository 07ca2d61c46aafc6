"""TabbyAPI runs on older files than those on disk.

## What it checks
Whether config.yml or api_tokens.yml changed after the start, and the running server differs
from what they say now.

## Why it matters
What the files say does not hold until the next start, and then it takes effect unasked.

## How it is told
A change alone is not enough: the server must ask for keys (or not) against the configuration,
serve on another address, or refuse the key of the file. Versions since 2026-07-16 take changed
tokens without a restart.

## What to do
Restart TabbyAPI. The model is loaded anew: requests in flight are lost.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import CURE, Cure, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.tabbyapi.outdated import Difference, differences
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.tabbyapi.run_start import ChangedSince
from tabbydoctor.tabbyapi.tokens import Tokens

from . import command


@check(
    "SVC010",
    "restart-needed",
    category="service",
    severity=Severity.WARNING,
    cure=Cure("tabbydoctor.remedies.units:restart", Safety.UNSAFE, undoable=False),
)
def restart_needed(
    instance: Instance,
    changed: ChangedSince,
    config: EffectiveConfig | None,
    tokens: Tokens | None,
    endpoint: Endpoint | None,
    installation: Installation | None,
    log: RunLog | None,
) -> Iterator[Finding]:
    for one in differences(changed, config, tokens, endpoint, installation, log):
        yield _finding(instance, one)


def _finding(instance: Instance, one: Difference) -> Finding:
    remedies: tuple[Remedy, ...] = (Remedy("Restart TabbyAPI", Safety.UNSAFE),)
    if instance.unit:
        restart = (command(instance.unit, "restart"),)
        remedies = (
            Remedy("Restart TabbyAPI", Safety.UNSAFE, restart),
            CURE,
        )
    return Finding(
        f"{one.path} changed after TabbyAPI was started",
        "The running server still works by what the file said then.",
        (Evidence(one.path, one.on_disk, one.running),),
        remedies,
    )
