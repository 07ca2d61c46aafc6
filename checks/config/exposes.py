"""A debugging option shows more than it should.

## What it checks
`network.send_tracebacks`, `logging.log_requests`, `logging.log_prompt` and
`logging.log_chat_completion_requests`, as TabbyAPI computes them.

## Why it matters
Tracebacks go to every client. Request logging writes the headers, with the keys in them, to the
journal and to `logs/*.log`, which any local user may be able to read. The others write what
people ask.

## How it is told
From the effective configuration.

## What to do
Switch it off when the debugging is done. After keys were logged, rotate them: stop TabbyAPI, set
`api_tokens.yml` aside, start it (it makes new ones), and give the router the new key.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Severity, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.tokens import Tokens

from ..key_rotation import rotation
from . import edit

_OPTIONS = (
    ("network", "send_tracebacks", "Tracebacks are sent to every client"),
    ("logging", "log_requests", "Requests are logged with their headers, keys included"),
    ("logging", "log_prompt", "Prompts are logged"),
    ("logging", "log_chat_completion_requests", "Every chat request is kept in logs/debug"),
)


@check("CFG014", "config-exposes", category="config", severity=Severity.WARNING)
def exposes(
    config: EffectiveConfig,
    instance: Instance,
    tokens: Tokens | None,
    machine: Machine | None = None,
) -> Iterator[Finding]:
    for section, key, what in _OPTIONS:
        setting = config.setting(section, key)
        if setting is None or setting.value is not True:
            continue
        title, wanted = f"Set {setting.name} to false", {(section, key): False}
        off = edit(title, setting.origin, instance, wanted, machine)
        rotate = (rotation(instance, tokens),) if key == "log_requests" else ()
        yield Finding(
            f"{what} ({setting.name})",
            "It is meant for debugging.",
            (Evidence(setting.origin.where, f"{key}: false", f"{key}: true"),),
            (off, *rotate),
        )
