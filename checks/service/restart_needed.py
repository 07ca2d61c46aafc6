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

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.tabbyapi.log_lines import matches
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.tabbyapi.run_start import ChangedSince
from tabbydoctor.tabbyapi.tokens import Tokens

from . import command


@check("SVC010", "restart-needed", category="service", severity=Severity.WARNING)
def restart_needed(
    instance: Instance,
    changed: ChangedSince,
    config: EffectiveConfig | None,
    tokens: Tokens | None,
    endpoint: Endpoint | None,
    installation: Installation | None,
    log: RunLog | None,
) -> Iterator[Finding]:
    if config and changed.config_files:
        for expected, actual in _differences(config, endpoint, log):
            source = changed.config_files[0]
            yield _finding(instance, source, f"on disk: {expected}", f"running: {actual}")
    reloads = installation is not None and installation.live_reload is not False
    if tokens and changed.tokens and not reloads and _refuses(endpoint):
        yield _finding(instance, tokens.path, "its api_key is accepted", "it is refused")


def _differences(
    config: EffectiveConfig, endpoint: Endpoint | None, log: RunLog | None
) -> Iterator[tuple[str, str]]:
    words = {True: "keys are asked for", False: "no key is asked for"}
    enforced = endpoint.enforces_auth if endpoint and endpoint.identity == "tabbyapi" else None
    if enforced is not None and enforced == config.auth_disabled:
        yield words[not config.auth_disabled], words[enforced]
    served = next(matches(log, "serving"), None) if log and log.present else None
    if served:
        address = served[1].split("://", 1)[1].rstrip("/")
        host, _, port = address.rpartition(":")
        moved = next(matches(log, "port-moved"), None) is not None
        same_port = port == str(config.port) or (moved and port == str(config.port + 1))
        if host.strip("[]") != config.host or not same_port:
            yield f"{config.host}:{config.port}", address


def _refuses(endpoint: Endpoint | None) -> bool:
    answer = endpoint.answer("/v1/auth/permission", "api_key") if endpoint else None
    return answer is not None and answer.status == 401


def _finding(instance: Instance, path: str, expected: str, actual: str) -> Finding:
    commands = (command(instance.unit, "restart"),) if instance.unit else ()
    return Finding(
        f"{path} changed after TabbyAPI was started",
        "The running server still works by what the file said then.",
        (Evidence(path, expected, actual),),
        (Remedy("Restart TabbyAPI", Safety.UNSAFE, commands),),
    )
