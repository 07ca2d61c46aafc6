"""The router looks for TabbyAPI where it does not listen.

## What it checks
The address in the router's source or configuration must be the one TabbyAPI listens on, and
no proxy variable of its unit may lead the request elsewhere.

## Why it matters
The router finds nobody, or another program to which it sends its key.

## How it is told
Host and port of the router's calls beside those at which TabbyAPI answers, and one GET without
a key where the router looks. `::1` and 127.0.0.1 are two places, and so are 127.0.0.1 and
127.0.1.1, to which a machine's own name often leads (/etc/hosts), unless somebody answers at
both; `localhost` is whatever it leads to. Nothing is said while TabbyAPI does not answer, nor
where the router asks another TabbyAPI of this machine, unless it brings that one the key of a
TabbyAPI that had to move from there.

## What to do
Put the right address into the router. If TabbyAPI moved because its port was taken, free
that port and restart it.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Safety, Unknown, check
from tabbydoctor.deployment.nixos import in_store, managed
from tabbydoctor.deployment.parts import Discovery, Machine, RouterSite
from tabbydoctor.front.standing import Front
from tabbydoctor.nixos.by_rebuild import by_rebuild, where_made
from tabbydoctor.nixos.key_lines import key_lines
from tabbydoctor.nixos.service import environment_line
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.site.environment import router_environment
from tabbydoctor.routers.site.health import RouterTargets
from tabbydoctor.routers.site.keys import RouterKeys
from tabbydoctor.routers.urls import server
from tabbydoctor.tabbyapi.answers import names_tabbyapi, of_tabbyapi
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.tabbyapi.tokens import Tokens

from ..config import written_by_nixos
from . import file_name, readable, restart

_PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
_NEAR = "localhost,127.0.0.1"
_NOBODY = {"refused", "unresolved", "unreachable"}
_PROXIED = {"httpx", "requests", "openai", "urllib", "litellm"}


@check("RTR013", "router-wrong-address", category="router", caused_by=("API003",))
def wrong_address(
    reading: RouterReading,
    site: RouterSite,
    endpoint: Endpoint,
    targets: RouterTargets,
    discovery: Discovery | None,
    config: EffectiveConfig | None,
    machine: Machine | None = None,
    keys: RouterKeys | None = None,
    tokens: Tokens | None = None,
    front: Front | None = None,
) -> Iterator[Finding]:
    readable(reading)
    nixos = managed(machine, site.unit)
    proxied = list(_proxied(site, reading, nixos))
    yield from proxied
    true = endpoint.address.url
    given = [url for url in reading.addresses if _is_here(url, targets)]
    if front and any(front.design.is_at(url) for url in given):
        return  # what it adds the key to goes on to TabbyAPI: RTR021 sees to that
    if not given or not server(true) or any(_reaches(url, true, targets) for url in given):
        return
    brought = endpoint.address.moved and _brings_its_key(keys, tokens)
    try:
        of_tabbyapi(endpoint)
        if not brought:
            _meant(given, reading, targets, discovery)
    except (Absent, Unknown):
        if not proxied:
            raise
    else:
        remedies = [_write(given[0], true, reading, site, nixos)]
        if _other_family(given[0], true):
            # Only the family differs, and the line may serve other backends as well.
            remedies.insert(0, _listen(given[0], discovery, config, machine))
        yield Finding(
            f"{file_name(reading)} asks for TabbyAPI at {given[0]}, not {true}",
            _who_is_there(given[0], targets, brought),
            evidence=tuple(_evidence(given[0], true, reading, targets)),
            remedies=tuple(remedies),
        )


def _is_here(url: str, targets: RouterTargets) -> bool:
    """Whether an address is this machine's: by its text, or it was found to be and was asked."""
    found = server(url)
    return found is not None and (found[0] == "localhost" or url in targets.answers)


def _reaches(given: str, true: str, targets: RouterTargets) -> bool:
    """Whether a call to the one address gets to the other."""
    ports = [place[1] for url in (given, true) if (place := server(url))]
    if len(set(ports)) != 1:
        return False
    if urlsplit(given).hostname == urlsplit(true).hostname:
        return True
    answer = targets.answers.get(given)
    return answer is None or answer.status is not None or answer.error not in _NOBODY


def _other_family(given: str, true: str) -> bool:
    """Whether only the family of two addresses differs."""
    hosts = [urlsplit(url).hostname or "" for url in (given, true)]
    literal = all(re.fullmatch(r"[\d.]+|[\da-fA-F:.]*:[\da-fA-F:.]*", host) for host in hosts)
    families = {":" in host for host in hosts}
    return literal and len(families) == 2 and server(given) == server(true)


def _brings_its_key(keys: RouterKeys | None, tokens: Tokens | None) -> bool:
    """Whether the router is known to send a key of the TabbyAPI examined."""
    accepted = {*tokens.api_keys, tokens.admin_key or None} - {None} if tokens else set()
    return keys is not None and any(key.value in accepted for key in keys.keys)


def _who_is_there(given: str, targets: RouterTargets, brought: bool) -> str:
    answer = targets.answers.get(given)
    if brought and answer and names_tabbyapi(answer):
        return (
            "TabbyAPI had to move from there: another one listens at that port, gets this one's "
            "key, and refuses it."
        )
    return "TabbyAPI does not listen there."


def _evidence(
    given: str, true: str, reading: RouterReading, targets: RouterTargets
) -> Iterator[Evidence]:
    yield Evidence(_where(given, reading), true, given)
    found = targets.resolved.get(given)
    if found:
        name = urlsplit(given).hostname
        yield Evidence("/etc/hosts", urlsplit(true).hostname, f"{name} is {', '.join(found)}")


def _meant(
    given: list[str], reading: RouterReading, targets: RouterTargets, discovery: Discovery | None
) -> None:
    """Return where the TabbyAPI examined is meant; raise Absent or Unknown where another may be."""
    name = file_name(reading)
    for url in given:
        answer = targets.answers.get(url)
        if answer and names_tabbyapi(answer):
            raise Absent(f"{name} asks another TabbyAPI, at {url}")
    down = [other.name for other in discovery.others if not other.process] if discovery else []
    if down:
        raise Unknown(f"{name} may mean {down[0]}, which is down; examine that one with --unit")


def _where(given: str, reading: RouterReading) -> str:
    return reading.written_at.get(given, reading.path)


def _listen(
    given: str,
    discovery: Discovery | None,
    config: EffectiveConfig | None,
    machine: Machine | None,
) -> Remedy:
    """TabbyAPI on the address that the router asks."""
    host = urlsplit(given).hostname
    setting = config.setting("network", "host") if config else None
    path = setting.origin.path if setting else None
    instance = discovery.instance if discovery else None
    unit = instance.unit if instance else None
    title = f"Let TabbyAPI listen where the router asks: network.host: '{host}'"
    if instance and setting and written_by_nixos(setting.origin, instance, machine):
        lines = key_lines(instance, {("network", "host"): host}, setting.origin.layer)
        return by_rebuild(title, *lines)
    commands = [f"sudoedit {shlex.quote(path)}"] if path else []
    commands += [f"{unit.systemctl} restart {shlex.quote(unit.name)}"] if unit else []
    return Remedy(title, Safety.UNSAFE if unit else Safety.MANUAL, tuple(commands))


def _write(given: str, true: str, reading: RouterReading, site: RouterSite, nixos: bool) -> Remedy:
    """The right address in the line that sets it, and what makes it count."""
    if _other_family(given, true):
        return Remedy(f"Or let the router ask {true}", Safety.MANUAL)
    where = _where(given, reading)
    path = where.rpartition(":")[0] or where
    of_unit = site.unit is not None and path in {file.path for file in site.unit.files}
    title = f"Write {_new(given, true)} there"
    if in_store(path) or (of_unit and nixos):
        return where_made(title, path, *_variables(given, true, site), nixos=nixos)
    reload = [f"{site.unit.systemctl} daemon-reload"] if site.unit and of_unit else []
    return restart(site, title, f"sudoedit {shlex.quote(path)}", *reload)


def _variables(given: str, true: str, site: RouterSite) -> Iterator[str]:
    """The variables of the router's unit that hold the address, as lines for configuration.nix."""
    for name, value in site.unit.environment.items() if site.unit else ():
        if site.unit and value.startswith(given):
            yield environment_line(site.unit, name, value.replace(given, true))


def _new(given: str, true: str) -> str:
    """What to write: the port alone where that is all that differs."""
    old, new = urlsplit(given), urlsplit(true)
    hosts = {old.hostname, new.hostname}
    if old.port == new.port:
        return f"{new.netloc.rpartition(':')[0]} instead of {old.hostname}"
    alone = old.port and new.port and (len(hosts) == 1 or hosts == {"localhost", "127.0.0.1"})
    return f"port {new.port} instead of {old.port}" if alone else true


def _proxied(site: RouterSite, reading: RouterReading, nixos: bool) -> Iterator[Finding]:
    proxy = _proxy(router_environment(site), reading)
    if proxy and site.unit:
        remedy = restart(site, f"Add NO_PROXY={_NEAR} to the unit, restart it")
        if nixos:
            line = environment_line(site.unit, "NO_PROXY", _NEAR)
            remedy = by_rebuild("Let the unit's calls go to TabbyAPI itself", line)
        yield Finding(
            f"{proxy} of {site.unit.name} leads the router's calls to a proxy",
            "Calls to TabbyAPI go through it, for NO_PROXY does not name TabbyAPI's host.",
            evidence=(Evidence(site.unit.name, f"NO_PROXY={_NEAR}", proxy),),
            remedies=(remedy,),
        )


def _proxy(environment: Mapping[str, str], reading: RouterReading) -> str:
    """The variable that sends local calls to a proxy, or empty."""
    name = next((name for name in _PROXIES if environment.get(name)), "")
    exempt = environment.get("no_proxy", environment.get("NO_PROXY", ""))
    covered = re.search(r"localhost|127\.|\*|::1", exempt)
    used = any(call.library in _PROXIED for call in reading.calls)
    return name if name and used and not covered else ""
