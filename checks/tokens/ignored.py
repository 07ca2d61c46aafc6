"""There is a tokens file, and TabbyAPI does not read it.

## What it checks
Authentication is off, and `api_tokens.yml` exists.

## Why it matters
It does no harm and guards nothing: every request is accepted, with any key or none.

## How it is told
From the effective configuration (`network.disable_auth`).

## What to do
Nothing, if that is meant. Do not delete the file: it is not read, and with authentication on
again TabbyAPI would make new keys.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Severity, check
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.tokens import Tokens


@check(
    "TOK008",
    "tokens-ignored",
    category="tokens",
    severity=Severity.INFO,
    caused_by=("CFG008", "CFG009"),
)
def ignored(tokens: Tokens, config: EffectiveConfig) -> Iterator[Finding]:
    setting = config.setting("network", "disable_auth")
    if config.auth_disabled and tokens.status is not None:
        where = setting.origin.where if setting else "network.disable_auth"
        yield Finding(
            f"{tokens.path} is not read",
            "Authentication is off: its keys are neither needed nor checked.",
            (Evidence(where, "disable_auth: false, for keys to count", "disable_auth: true"),),
        )
