"""Something else than TabbyAPI answers at its address.

## What it checks
Whoever answers at TabbyAPI's address must be TabbyAPI.

## Why it matters
Clients and the router talk to a stranger, and send it TabbyAPI's API key. The doctor itself
sends it none.

## How it is told
By the process that accepts the doctor's connection: it must be TabbyAPI's own, whatever the
answer says, for anybody can copy that. Where the process cannot be seen (without root, or on
another machine), and behind a forwarder such as docker-proxy or nginx, the answer tells: TabbyAPI
names itself at `/.well-known/serviceinfo` (since November 2024) and in the title of
`/openapi.json`. A listener that answers otherwise, or that does not speak HTTP, is something
else. Where a gate in front (a proxy with its own rules) answers, nothing can be told.

## What to do
Find out who holds the port, stop it or move it, and restart TabbyAPI; or give TabbyAPI
another `network.port`, and the router its new address. If the address itself is wrong, give
the right one with `--url`.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from tabbydoctor.api import Evidence, Finding, Remedy, Unknown, check
from tabbydoctor.tabbyapi.answers import introduction, names_tabbyapi
from tabbydoctor.tabbyapi.probes import Endpoint


@check("API002", "api-not-tabbyapi", category="endpoint")
def not_tabbyapi(endpoint: Endpoint) -> Iterator[Finding]:
    address = endpoint.address
    if endpoint.reached and endpoint.identity == "unknown":
        raise Unknown(f"who answers at {address.url} cannot be told: {endpoint.withheld}")
    if endpoint.identity != "other":
        return
    who = address.holder or introduction(endpoint.serviceinfo)
    port = urlsplit(address.url).port or 80
    yield Finding(
        f"Something else than TabbyAPI answers at {address.url}{f': {who}' if who else ''}",
        "No key was sent there. Clients and the router may send theirs.",
        evidence=(_evidence(endpoint),),
        remedies=(
            Remedy("See who holds the port", commands=(f"sudo ss -ltnp 'sport = :{port}'",)),
        ),
    )


def _evidence(endpoint: Endpoint) -> Evidence:
    if names_tabbyapi(endpoint.serviceinfo):  # its words are right, its process is not
        return Evidence(endpoint.address.url, "a process of TabbyAPI's", endpoint.address.holder)
    return Evidence(endpoint.serviceinfo.url, "TabbyAPI's service information", _seen(endpoint))


def _seen(endpoint: Endpoint) -> str:
    answer = endpoint.serviceinfo
    if answer.status is None:
        return answer.detail or str(answer.error)
    who = introduction(answer)
    return f"status {answer.status}{f' from {who}' if who else ''}"
