"""The running server refuses the admin key of api_tokens.yml, or takes it for an API key.

## What it checks
The `admin_key` of the file that TabbyAPI reads must make its bearer admin.

## Why it matters
Loading and unloading models, and everything else that asks for the admin key, fails with
`401 Invalid admin key`.

## How it is told
GET `/v1/auth/permission` with the admin key as Bearer must answer `admin`. Nothing is loaded
or unloaded for it. Where that route is missing (before March 2024) the list of models is
asked instead. The admin key goes only to a process that is seen to be TabbyAPI's: that takes
root, or TabbyAPI's own account, on the machine where it runs.

## What to do
Restart TabbyAPI. If it still refuses, it reads another file: its working directory decides. Where
another one was named with `--tokens`, leave that out.
"""

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.tabbyapi.answers import accepted, keyed, of_tabbyapi, offered, permission
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.tabbyapi.probing import PERMISSION
from tabbydoctor.tabbyapi.tokens import Tokens

from . import another_file, taking_over, ways_out


@check(
    "API006",
    "api-admin-rejected",
    category="endpoint",
    caused_by=("SVC010", "API005", "SVC007", "TOK002", "TOK003", "TOK005", "TOK006"),
)
def admin_rejected(
    endpoint: Endpoint,
    tokens: Tokens,
    instance: Instance | None,
    installation: Installation | None,
) -> Iterator[Finding]:
    of_tabbyapi(endpoint)
    offered(endpoint, "admin_key")
    granted = permission(endpoint.answer(PERMISSION, "admin_key"))
    refused = accepted(keyed(endpoint, "admin_key")) is False
    if not refused and granted in ("", "admin"):
        return
    soon = taking_over(endpoint, tokens, instance, installation)
    if soon:
        yield soon
        return
    yield Finding(
        f"The server refuses the admin key of {tokens.path}"
        if refused
        else f"The server takes the admin key of {tokens.path} for an API key",
        another_file(tokens) or "It started with other keys, or reads another file.",
        evidence=(
            Evidence(
                f"{endpoint.address.url}{PERMISSION}",
                "permission admin",
                "401" if refused else f"permission {granted}",
            ),
        ),
        remedies=ways_out(tokens, instance),
    )
