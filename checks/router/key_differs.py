"""The key that the router sends is not one that TabbyAPI accepts.

## What it checks
The key in the router's environment, in its credential, in its own source or in the tokens
file it reads must be one of api_tokens.yml, and the file it reads must be there. A file counts
where its key goes to this TabbyAPI, and the router has no other in its place.

## Why it matters
TabbyAPI answers `401 Invalid API key` to everything. It is what a rotated key leaves behind
where the router holds a copy of it. A router whose key file is gone sends no key at all.

## How it is told
Each key that the router is known to send is compared with those of the file TabbyAPI reads.
What the running router holds counts as well as what its unit would give it next time.

## What to do
Give the router the present key and restart it. Better, let it read the file when it needs
the key: `tabbydoctor fix --auth --strategy router-tokens`.
"""

import shlex
from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Unknown, check
from tabbydoctor.deployment.nixos import in_store, managed
from tabbydoctor.deployment.parts import Machine, RouterSite
from tabbydoctor.nixos.by_rebuild import where_made
from tabbydoctor.routers.site_keys import RouterKeys
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.tabbyapi.tokens import Tokens

from . import key_needed, restart, wire_key


@check(
    "RTR005",
    "router-key-differs",
    category="router",
    # API005: the tokens file itself is not the server's.
    caused_by=("API005", "TOK001", "TOK005", "TOK007"),
)
def key_differs(
    keys: RouterKeys,
    site: RouterSite,
    tokens: Tokens,
    config: EffectiveConfig | None,
    endpoint: Endpoint | None,
    machine: Machine | None = None,
) -> Iterator[Finding]:
    key_needed(config, endpoint)
    gone = [_gone(path, where, tokens, site, machine) for path, where in keys.missing.items()]
    yield from gone
    if not keys.keys and gone:
        return
    if not keys.keys:
        raise Absent("the router holds no copy of a key")
    if tokens.problem == "unreadable" and not gone:
        raise Unknown(f"{tokens.path} cannot be read: {tokens.detail or 'use sudo'}")
    accepted = {*tokens.api_keys, *([tokens.admin_key] if tokens.admin_key else [])}
    if not accepted and not gone:
        raise Absent(f"{tokens.path} holds no key to compare with")
    wrong = [key for key in keys.keys if key.refused(accepted)] if accepted else []
    if wrong:
        yield Finding(
            f"The key from {wrong[0].source} is none of {tokens.path}",
            "TabbyAPI refuses it with 401 Invalid API key; it was rotated, or is another's.",
            evidence=tuple(
                Evidence(key.where, f"a key of {tokens.path}", "another key") for key in wrong
            ),
            remedies=(
                wire_key(site),
                restart(site, "Or give it the present key, and restart it"),
            ),
        )


def _gone(
    path: str, where: str, tokens: Tokens, site: RouterSite, machine: Machine | None
) -> Finding:
    source = where.rpartition(":")[0]
    title = f"Write {tokens.path} there, and restart the router"
    edit = restart(site, title, f"sudoedit {shlex.quote(source)}")
    if in_store(source):
        nixos = managed(machine, site.unit)
        edit = where_made(f"Write {tokens.path} there", source, nixos=nixos)
    return Finding(
        f"{path}, from which the router reads its key, is not there",
        "The router sends no key, or does not start.",
        evidence=(Evidence(where, tokens.path, path), Evidence(path, "a file", "nothing")),
        remedies=(edit, wire_key(site)),
    )
