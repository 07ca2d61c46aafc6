"""What the running server answers."""

from __future__ import annotations

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.invocation import invocation
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.tabbyapi.tokens import Tokens

RELOAD_SECONDS = 2.0
"""How often TabbyAPI since 2026-07-16 looks whether api_tokens.yml has changed."""
_SLACK = 1.0
_BOOT_SECONDS = 1.0
"""A start may seem this much too early: the kernel tells its boot in whole seconds (`btime`,
proc(5)). TabbyAPI takes longer than that from its start until it reads the file."""


def restart(instance: Instance | None, title: str, *first: str) -> Remedy:
    """A restart of TabbyAPI (it interrupts service), after some commands that only look."""
    commands = instance.restart if instance else ()
    return Remedy(title, Safety.UNSAFE if commands else Safety.MANUAL, (*first, *commands))


def ways_out(tokens: Tokens, instance: Instance | None) -> tuple[Remedy, ...]:
    """What to do about a key that is refused."""
    if not tokens.read_instead:
        return (restart(instance, "Restart TabbyAPI, which reads the file then"),)
    return (Remedy("Name no tokens file: tabbydoctor finds the one that is read", Safety.MANUAL),)


def another_file(tokens: Tokens) -> str:
    """That TabbyAPI does not read the file that was named; empty where it does."""
    return f"TabbyAPI reads {tokens.read_instead}, not this file." if tokens.read_instead else ""


def changed_since_start(when: float, instance: Instance | None) -> bool:
    """Whether something that changed then may be unknown to the server; true without one."""
    process = instance.process if instance else None
    return process is None or when > process.started + _BOOT_SECONDS


def taking_over(
    endpoint: Endpoint,
    tokens: Tokens,
    instance: Instance | None,
    installation: Installation | None,
) -> Finding | None:
    """What to say of keys that changed so lately that the server has not looked since."""
    status = tokens.status
    if status is None or installation is None or not installation.live_reload:
        return None
    changed = max(status.modified, status.changed)
    if tokens.read_instead or not changed_since_start(changed, instance):
        return None
    if not changed <= endpoint.asked_at <= changed + RELOAD_SECONDS + _SLACK:
        return None
    return Finding(
        f"The server has not yet taken over the new keys of {tokens.path}",
        f"The file changed less than {RELOAD_SECONDS + _SLACK:.0f} seconds before. This version "
        f"looks every {RELOAD_SECONDS:.0f} seconds: no restart is needed.",
        evidence=(Evidence(tokens.path, actual="changed a moment ago"),),
        remedies=(Remedy("Look again", commands=(invocation("check"),)),),
        severity=Severity.WARNING,
    )
