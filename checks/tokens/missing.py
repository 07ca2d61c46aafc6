"""The tokens file is not where TabbyAPI looks for it.

## What it checks
Authentication is on, and there is no `api_tokens.yml` in TabbyAPI's working directory.

## Why it matters
TabbyAPI makes a new file with new keys at its next start. Every client and router that has
the old key is then refused with 401.

## How it is told
The file is looked for in the working directory of the unit or process, never beside the
`--config` file. It is an error if the server has run with keys already: its log printed them,
or it refuses requests without one. Before the first start it is only a remark.

## What to do
Put the file back from a backup. If there is none, restart TabbyAPI and give the new key to
every client.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.tabbyapi.log_lines import says
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.tabbyapi.tokens import Tokens

from . import require_auth


@check(
    "TOK001",
    "tokens-missing",
    category="tokens",
    severity=Severity.ERROR,
    caused_by=("TOK005", "TOK007", "SVC007"),
)
def missing(
    tokens: Tokens,
    config: EffectiveConfig,
    instance: Instance,
    log: RunLog | None,
    endpoint: Endpoint | None,
) -> Iterator[Finding]:
    require_auth(config)
    if tokens.problem != "missing":
        return
    evidence = (Evidence(tokens.path, "a file with api_key and admin_key", "no such file"),)
    asked = bool(endpoint and endpoint.identity == "tabbyapi" and endpoint.enforces_auth)
    if not asked and not says(log, "auth-on"):
        yield Finding(
            f"No {tokens.path} yet",
            "TabbyAPI makes it, with new keys, when it has started.",
            evidence,
            severity=Severity.INFO,
        )
        return
    restart: tuple[str, ...] = ()
    if instance.unit:
        restart = (f"{instance.unit.systemctl} restart {shlex.quote(instance.unit.name)}",)
    yield Finding(
        f"{tokens.path} is gone",
        "TabbyAPI has run with keys, and will make new ones at its next start: "
        "every client with the old key is refused from then on.",
        evidence,
        (
            Remedy(f"Put {tokens.path} back from a backup"),
            Remedy("Or let TabbyAPI make new keys, and hand them out", Safety.MANUAL, restart),
        ),
    )
