"""The copies of TabbyAPI's key that a router holds, to be compared with TabbyAPI's own."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.deployment.reader import eyes, reader
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.deployment.units import environment_file
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass, field
from tabbydoctor.redaction import remember
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.keys import ADDED, WORKED_OUT
from tabbydoctor.routers.marked_block import CREDENTIALS, VARIABLE
from tabbydoctor.routers.site.environment import (
    is_credential,
    is_set,
    replaced_by_itself,
    router_environment,
    variable_of,
)
from tabbydoctor.yaml.yaml11 import yaml_of

LITERAL = "the router's own file"
"""The source of a key that is written in the router's own text."""
_TOKENS = ("api_tokens.yml", "api_keys.yml")
_MOUNTED = "/credentials/"
"""Part of every path below which systemd puts a unit's credentials (systemd.exec(5))."""
_FOR_ALL = 0o004


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
    shown: bool = False
    """Whether it stands in a file of its unit's that everybody may read."""

    @property
    def file(self) -> str:
        """The file that its unit has it from: a credential's, or of the environment; or empty."""
        given = self.source.startswith(("credential ", "environment "))
        return self.where if given and self.where.startswith("/") else ""

    def refused(self, accepted: Container[str | None]) -> bool:
        """Whether TabbyAPI refuses it, and whatever may be sent in its place."""
        return not any(value in accepted for value in (self.value, *self.instead))


@dataclass(frozen=True, slots=True)
class RouterKeys:
    """Every key that is known to be sent to TabbyAPI."""

    keys: tuple[RouterKey, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    """Files a key is read from that are not there -> `path:line` of what reads them."""
    incomplete: str = ""
    """Why there may be others; empty where these are all."""


def stale_copies(keys: RouterKeys, accepted: Container[str | None]) -> tuple[RouterKey, ...] | None:
    """The refused keys in files of the router's unit, where nothing else is wrong with its keys.

    None where something is. Empty where what runs has an old key and its unit the right one.
    """
    refused = [key for key in keys.keys if key.refused(accepted)]
    stale = tuple(key for key in refused if key.file)
    of_unit = {key.source for key in keys.keys if not key.where.startswith("process ")}
    others = [key for key in refused if not key.file]
    running = all(key.where.startswith("process ") and key.source in of_unit for key in others)
    fit = refused and running and not keys.missing and not any(key.shown for key in stale)
    return stale if fit else None


def router_keys(host: Host, site: RouterSite, reading: RouterReading) -> RouterKeys:
    """Read them from where the router has them. Unreadable ones are left out."""
    missing: dict[str, str] = {}
    found = list(_keys(host, site, reading))
    for files, spare in _file_choices(reading):
        there = [path for path in files if _is_there(host, site.opened(path))]
        if not there and (instead := _instead(host, site, reading, spare)):
            there = [instead[5:]] if instead.startswith("file ") else []
        elif not there:
            missing |= {path: _read_at(reading, path) for path in files}
        # The source names these files: what its account cannot read, it does not send.
        found += _in_files(host.seen_by(reader(host, site)), site, reading, there)
    for key in found:
        remember(key.value)
    return RouterKeys(tuple(dict.fromkeys(found)), missing, reading.incomplete)


def _read_at(reading: RouterReading, path: str) -> str:
    return reading.where(lambda part: part.reads_files, path) or f"{reading.path}:None"


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
            given = _is_there(host, site.opened(origin[5:]))
        else:
            given = not variable or is_set(site, reading, variable)
        if given:
            return origin
    return None


def _is_there(host: Host, path: str) -> bool:
    """One that may not be looked at counts as there; one with NUL in its path cannot be."""
    try:
        host.status(path)
    except (FileNotFoundError, ValueError):
        return False
    except OSError:
        return True
    return True


def _in_files(
    host: Host, site: RouterSite, reading: RouterReading, paths: list[str]
) -> Iterator[RouterKey]:
    """The keys of the files that one call may read; none where one of them cannot be told."""
    wanted = "admin_key" if reading.uses_admin_key else "api_key"
    values = {
        path: _in_tokens(host, site.opened(path), wanted) if path.endswith(_TOKENS) else ""
        for path in paths
    }
    if all(values.values()):
        for path, value in values.items():
            instead = tuple(each for each in values.values() if each != value)
            yield RouterKey(f"{wanted} of {path}", path, value, instead)


def _keys(host: Host, site: RouterSite, reading: RouterReading) -> Iterator[RouterKey]:
    for part in reading.modules:
        yield from (RouterKey(LITERAL, part.path, literal) for literal in part.literal_keys)
    sent = {variable_of(call.key_from) for call in reading.calls if call.sends_key}
    names = sorted(name for name in sent - {""} if not replaced_by_itself(reading, name))
    if site.unit and CREDENTIALS in reading.reads_environment:  # which then comes first
        names = [name for name in names if not is_credential(site.unit, name)]
    yield from _from_environment(host, site, names)
    if _reads_credentials(reading):
        yield from _from_credentials(host, site)


def _reads_credentials(reading: RouterReading) -> bool:
    return CREDENTIALS in reading.reads_environment or any(
        _MOUNTED in path for path in reading.reads_files
    )


def _from_environment(host: Host, site: RouterSite, names: list[str]) -> Iterator[RouterKey]:
    given = router_environment(site)
    running = (site.process.environment if site.process else None) or {}
    for name in names:
        if site.description and given.get(name):
            yield RouterKey(f"environment {name}", site.description, given[name])
        elif site.unit and given.get(name):
            path = _setting_file(site.unit, name)
            where, shown = path or f"unit {site.unit.name}", bool(path and _shown(host, path))
            yield RouterKey(f"environment {name}", where, given[name], shown=shown)
        if site.process and running.get(name):
            where = f"process {site.process.pid}"
            yield RouterKey(f"environment {name}", where, running[name])


def _setting_file(unit: Unit, name: str) -> str:
    """The environment file whose value of a variable counts: the last; empty for none."""
    files = reversed(unit.environment_files)
    return next((file.path for file in files if name in environment_file(file.text or "")), "")


def _from_credentials(host: Host, site: RouterSite) -> Iterator[RouterKey]:
    """`LoadCredential=tabby_api_key:/path` (systemd.exec(5)); of several the one of that name.

    Of several of one name the last counts. What is no bare key cannot be compared.
    """
    entries = site.unit.settings("LoadCredential") if site.unit else ()
    host = eyes(host, site)
    paths = {name: path for name, _, path in (entry.partition(":") for entry in entries)}
    given = {name: path for name, path in paths.items() if "tabby" in name.lower()}
    own = VARIABLE.lower()
    if own in given or len(given) > 1:
        given = {name: path for name, path in given.items() if name == own}
    for name, path in given.items():
        if path.startswith("/"):
            try:
                value = host.read(path, 4096).text().strip()
            except (OSError, ValueError):
                continue
            if re.fullmatch(r"[!-~]+", value):
                yield RouterKey(f"credential {name}", path, value, shown=_shown(host, path))


def _shown(host: Host, path: str) -> bool:
    """Whether everybody may read a file; one that may not be looked at counts as such."""
    try:
        return bool(host.status(path).mode & _FOR_ALL)
    except (OSError, ValueError):
        return True


def _in_tokens(host: Host, path: str, wanted: str) -> str:
    try:
        data = yaml_of(host.read(path, 64 << 10).text())
    except (OSError, ValueError):
        return ""
    key = data.get(wanted) if isinstance(data, dict) else None
    key = key[0] if isinstance(key, list) and key else key
    return str(key) if isinstance(key, str | int) else ""


GATHERERS = (router_keys,)
