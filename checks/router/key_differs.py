"""The key that the router sends is not one that TabbyAPI accepts.

## What it checks
The key in the router's environment, in its credential, in its own source or in the tokens
file it reads must be one of api_tokens.yml.

## Why it matters
TabbyAPI answers `401 Invalid API key` to everything. It is what a rotated key leaves behind
where the router holds a copy of it.

## How it is told
Each key that the router is known to send is compared with those of the file TabbyAPI reads.
What the running router holds counts as well as what its unit would give it next time.

## What to do
Give the router the present key and restart it. Better, let it read the file when it needs
the key: `tabbydoctor fix --auth --strategy router-tokens`.
"""

from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Safety, Unknown, check
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.routers.site_keys import RouterKeys
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.tabbyapi.tokens import Tokens

from . import key_needed, restart


@check("RTR005", "router-key-differs", category="router", caused_by=("TOK005",))
def key_differs(
    keys: RouterKeys,
    site: RouterSite,
    tokens: Tokens,
    config: EffectiveConfig | None,
    endpoint: Endpoint | None,
) -> Iterator[Finding]:
    key_needed(config, endpoint)
    if not keys.keys:
        raise Absent("the router holds no copy of a key")
    if tokens.problem == "unreadable":
        raise Unknown(f"{tokens.path} cannot be read: {tokens.detail or 'use sudo'}")
    accepted = {*tokens.api_keys, *([tokens.admin_key] if tokens.admin_key else [])}
    if not accepted:
        raise Absent(f"{tokens.path} holds no key to compare with")
    wrong = [key for key in keys.keys if key.value not in accepted]
    if wrong:
        again = Remedy(
            "Let the router read the key where TabbyAPI does",
            Safety.SAFE,
            ("tabbydoctor fix --auth",),
        )
        yield Finding(
            f"The key from {wrong[0].source} is none of {tokens.path}",
            "TabbyAPI refuses it with 401 Invalid API key; it was rotated, or is another's.",
            evidence=tuple(
                Evidence(key.where, f"a key of {tokens.path}", "another key") for key in wrong
            ),
            remedies=(again, restart(site, "Or give it the present key, and restart it")),
        )
