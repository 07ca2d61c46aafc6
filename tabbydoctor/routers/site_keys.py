"""The copies of TabbyAPI's key that a router holds, to be compared with TabbyAPI's own."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.host import Host
from tabbydoctor.redaction import remember
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.keys import ADDED, WORKED_OUT
from tabbydoctor.routers.marked_block import CREDENTIALS, VARIABLE
from tabbydoctor.routers.site_environment import (
    is_credential,
    is_set,
    replaced_by_itself,
    router_environment,
    variable_of,
)

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
    instead: tuple[str, ...] = field(default=(), repr=False)
    """Keys that the same call may carry in its place, as far as the source tells."""

    def refused(self, accepted: Container[str | None]) -> bool:
        """Whether TabbyAPI refuses it, and whatever may be sent in its place."""
        return not any(value in accepted for value in (self.value, *self.instead))


@dataclass(frozen=True, slots=True)
class RouterKeys:
    """Every key that is known to be sent to TabbyAPI."""

    keys: tuple[RouterKey, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    """Files a key is read from that are not there -> `path:line` of what reads them."""


def router_keys(host: Host, site: RouterSite, reading: RouterReading) -> RouterKeys:
    """Read them from where the router has them. Unreadable ones are left out."""
    missing: dict[str, str] = {}
    found = list(_keys(host, site, reading))
    for files, spare in _file_choices(reading):
        there = [path for path in files if _is_there(host, path)]
        if not there and (instead := _instead(host, site, reading, spare)):
            there = [instead[5:]] if instead.startswith("file ") else []
        elif not there:
            missing |= {path: f"{reading.path}:{reading.reads_files.get(path)}" for path in files}
        found += _in_files(host, reading, there)
    for key in found:
        remember(key.value)
    return RouterKeys(tuple(dict.fromkeys(found)), missing)


def _file_choices(reading: RouterReading) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """For each call to TabbyAPI: the files its key may be of, and what it has without them."""
    sending = [call for call in reading.calls if call.sends_key]
    choices = [(call.key_files, call.spare_keys) for call in sending if call.key_files]
    tokens = {path for path in reading.reads_files if path.endswith(_TOKENS)}
    vague = any(
        not call.key_files and call.key_from.endswith((WORKED_OUT, ADDED)) for call in sending
    )
    elsewhere = {f"file {path}" for path in tokens} & set(reading.keys_elsewhere)
    if vague and len(tokens) == 1 and not elsewhere:
        choices.append((tuple(tokens), ("what its source does not tell",)))
    return list(dict.fromkeys(choices))


def _instead(
    host: Host, site: RouterSite, reading: RouterReading, spare: tuple[str, ...]
) -> str | None:
    """The first that it has of what it takes where its key files are not there."""
    for origin in spare:
        variable = variable_of(origin)
        if origin.startswith("file "):
            given = _is_there(host, origin[5:])
        else:
            given = not variable or is_set(site, reading, variable)
        if given:
            return origin
    return None


def _is_there(host: Host, path: str) -> bool:
    """One that may not be looked at counts as there."""
    try:
        host.status(path)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def _in_files(host: Host, reading: RouterReading, paths: list[str]) -> Iterator[RouterKey]:
    """The keys of the files that one call may read; none where one of them cannot be told."""
    wanted = "admin_key" if reading.uses_admin_key else "api_key"
    values = {
        path: _in_tokens(host, path, wanted) if path.endswith(_TOKENS) else "" for path in paths
    }
    if all(values.values()):
        for path, value in values.items():
            instead = tuple(each for each in values.values() if each != value)
            yield RouterKey(f"{wanted} of {path}", path, value, instead)


def _keys(host: Host, site: RouterSite, reading: RouterReading) -> Iterator[RouterKey]:
    for literal in reading.literal_keys:
        yield RouterKey(LITERAL, reading.path, literal)
    sent = {variable_of(call.key_from) for call in reading.calls if call.sends_key}
    names = sorted(name for name in sent - {""} if not replaced_by_itself(reading, name))
    if site.unit and CREDENTIALS in reading.reads_environment:  # which then comes first
        names = [name for name in names if not is_credential(site.unit, name)]
    yield from _from_environment(site, names)
    yield from _from_credentials(host, site)


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
    """`LoadCredential=tabby_api_key:/path` (systemd.exec(5)); of several the one of that name."""
    entries = site.unit.settings("LoadCredential") if site.unit else ()
    given = [
        entry.partition(":") for entry in entries if "tabby" in entry.partition(":")[0].lower()
    ]
    own = [each for each in given if each[0] == VARIABLE.lower()]
    for name, _, path in own or (given if len(given) == 1 else []):
        if path.startswith("/"):
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
