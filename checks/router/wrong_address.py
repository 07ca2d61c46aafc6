"""The router looks for TabbyAPI where it does not listen.

## What it checks
The address in the router's source or configuration must be the one TabbyAPI listens on, and
no proxy variable of its unit may lead the request elsewhere.

## Why it matters
The router finds nobody, or another program to which it sends its key.

## How it is told
Host and port of the router's calls beside the socket of TabbyAPI's process. `localhost`,
127.0.0.1 and 0.0.0.0 are the same place; `::1` is not, where TabbyAPI listens on IPv4 only.

## What to do
Put the right address into the router. If TabbyAPI moved because its port was taken, free
that port and restart it.
"""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, check
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.site_environment import router_environment
from tabbydoctor.routers.urls import server
from tabbydoctor.tabbyapi.probes import Address

from . import file_name, readable, restart

_PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
_PROXIED = {"httpx", "requests", "openai", "urllib", "litellm"}


@check("RTR013", "router-wrong-address", category="router", caused_by=("API003",))
def wrong_address(reading: RouterReading, site: RouterSite, address: Address) -> Iterator[Finding]:
    readable(reading)
    true = server(address.url)
    given = [url for url in reading.addresses if (found := server(url)) and found[0] == "localhost"]
    if given and true and not any(_same(url, address.url) for url in given):
        calls = [call for call in reading.calls if call.certain][:1]
        where = f"{reading.path}:{calls[0].line}" if calls else reading.path
        yield Finding(
            f"{file_name(reading)} asks for TabbyAPI at {given[0]}, not {address.url}",
            "TabbyAPI does not listen there.",
            evidence=(Evidence(where, address.url, given[0]),),
            remedies=(Remedy(f"Put {address.url} into {reading.path}", Safety.MANUAL),),
        )
    proxy = _proxy(router_environment(site), reading)
    if proxy and site.unit:
        yield Finding(
            f"{proxy} of {site.unit.name} leads the router's calls to a proxy",
            "Calls to TabbyAPI go through it, for NO_PROXY does not name TabbyAPI's host.",
            evidence=(Evidence(site.unit.name, "NO_PROXY=localhost,127.0.0.1", proxy),),
            remedies=(restart(site, "Add NO_PROXY=localhost,127.0.0.1 to the unit, restart it"),),
        )


def _same(given: str, true: str) -> bool:
    six = [(urlsplit(url).hostname or "") == "::1" for url in (given, true)]
    four_only = (urlsplit(true).hostname or "").startswith("127.")
    return server(given) == server(true) and not (six[0] and four_only)


def _proxy(environment: Mapping[str, str], reading: RouterReading) -> str:
    """The variable that sends local calls to a proxy, or empty."""
    name = next((name for name in _PROXIES if environment.get(name)), "")
    exempt = environment.get("no_proxy", environment.get("NO_PROXY", ""))
    covered = re.search(r"localhost|127\.|\*|::1", exempt)
    used = any(call.library in _PROXIED for call in reading.calls)
    return name if name and used and not covered else ""
