"""TabbyAPI cannot parse its tokens file.

## What it checks
`api_tokens.yml` is YAML as TabbyAPI reads it: version 1.2, one document, no duplicate keys,
UTF-8.

## Why it matters
TabbyAPI exits with status 1, and only after the model was loaded.

## How it is told
The file is parsed by the same library as TabbyAPI's, ruamel.yaml. Nothing of it is shown.

## What to do
Correct the line that is named. A key with `:`, `#`, `*`, `&` or `@` in it needs quotes.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.tokens import Tokens

from . import place, require_auth, require_read, start


@check("TOK002", "tokens-unparseable", category="tokens", severity=Severity.ERROR)
def unparseable(tokens: Tokens, config: EffectiveConfig, instance: Instance) -> Iterator[Finding]:
    require_auth(config)
    require_read(tokens)
    if tokens.problem == "unparseable":
        yield Finding(
            f"{place(tokens)} cannot be parsed",
            f"TabbyAPI exits on it: {tokens.detail}.",
            (Evidence(place(tokens), "YAML 1.2 with api_key and admin_key", tokens.detail),),
            (
                Remedy(
                    "Correct the line",
                    commands=(f"sudoedit {shlex.quote(tokens.path)}", *start(instance)),
                ),
            ),
        )
