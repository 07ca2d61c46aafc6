"""The copies of TabbyAPI's key that a router holds, to be compared with TabbyAPI's own."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.host import Host
from tabbydoctor.redaction import remember
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.marked_block import CREDENTIALS
from tabbydoctor.routers.site_environment import is_credential, router_environment, variable_of

LITERAL = "the router's own file"
"""The source of a key that is written in the router's own text."""
_TOKENS = ("api_tokens.yml", "api_keys.yml")


@dataclass(frozen=True, slots=True)
class RouterKey:
    """One key the router sends or would send."""

    source: str
    """In words: `environment TABBY_API_KEY`."""
    where: str
    """A path, a unit, a process."""
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RouterKeys:
    """Every key that is known to be sent to TabbyAPI."""

    keys: tuple[RouterKey, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    """Files a key is read from that are not there -> `path:line` of what reads them."""


def router_keys(host: Host, site: RouterSite, reading: RouterReading) -> RouterKeys:
    """Read them from where the router has them. Unreadable ones are left out."""
    found = list(_keys(host, site, reading))
    for key in found:
        remember(key.value)
    return RouterKeys(tuple(dict.fromkeys(found)), dict(_missing(host, reading)))


def _missing(host: Host, reading: RouterReading) -> Iterator[tuple[str, str]]:
    """The key files that are not there. One that may not be looked at is left out."""
    names = {call.key_from.partition(" ")[0] for call in reading.calls if call.sends_key}
    for path, line in reading.reads_files.items():
        if path.startswith("/") and posixpath.basename(path) in names:
            try:
                host.status(path)
            except FileNotFoundError:
                yield path, f"{reading.path}:{line}"
            except OSError:
                continue


def _keys(host: Host, site: RouterSite, reading: RouterReading) -> Iterator[RouterKey]:
    for literal in reading.literal_keys:
        yield RouterKey(LITERAL, reading.path, literal)
    sent = {variable_of(call.key_from) for call in reading.calls if call.sends_key}
    names = sorted(sent - {""})
    if site.unit and CREDENTIALS in reading.reads_environment:  # which then comes first
        names = [name for name in names if not is_credential(site.unit, name)]
    yield from _from_environment(site, names)
    yield from _from_credentials(host, site)
    wanted = "admin_key" if reading.uses_admin_key else "api_key"
    for path in reading.reads_files:
        if path.endswith(_TOKENS) and (value := _in_tokens(host, path, wanted)):
            yield RouterKey(f"{wanted} of {path}", path, value)


def _from_environment(site: RouterSite, names: list[str]) -> Iterator[RouterKey]:
    given = router_environment(site)
    running = (site.process.environment if site.process else None) or {}
    for name in names:
        if site.unit and given.get(name):
            yield RouterKey(f"environment {name}", f"unit {site.unit.name}", given[name])
        if site.process and running.get(name):
            where = f"process {site.process.pid}"
            yield RouterKey(f"environment {name}", where, running[name])


def _from_credentials(host: Host, site: RouterSite) -> Iterator[RouterKey]:
    """`LoadCredential=tabby_api_key:/path` (systemd.exec(5))."""
    given = site.unit.settings("LoadCredential") if site.unit else ()
    for entry in given:
        name, _, path = entry.partition(":")
        if "tabby" in name.lower() and path.startswith("/"):
            try:
                value = host.read(path, 4096).text().strip()
            except OSError:
                continue
            yield RouterKey(f"credential {name}", path, value)


def _in_tokens(host: Host, path: str, wanted: str) -> str:
    try:
        data = yaml.safe_load(host.read(path, 64 << 10).text())
    except (OSError, yaml.YAMLError):
        return ""
    key = data.get(wanted) if isinstance(data, dict) else None
    key = key[0] if isinstance(key, list) and key else key
    return str(key) if isinstance(key, str | int) else ""
