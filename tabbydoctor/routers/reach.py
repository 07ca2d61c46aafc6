"""Whether a router can open what it takes its key from, and send what it finds there."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.deployment.paths import path_status
from tabbydoctor.deployment.people import People
from tabbydoctor.deployment.reader import reader
from tabbydoctor.deployment.sandbox import hides
from tabbydoctor.facts import Unknown
from tabbydoctor.host import Host
from tabbydoctor.host.access import PathStatus, allows
from tabbydoctor.records import dataclass, field
from tabbydoctor.routers import Call, RouterReading
from tabbydoctor.routers.marked_block import CREDENTIALS
from tabbydoctor.routers.site.environment import is_set, variable_of

_TOKENS = (".yml", ".yaml", ".json", ".toml", ".env")
"""How files end that are parsed: what ends their lines is no part of a key."""


@dataclass(frozen=True, slots=True)
class RouterReach:
    """What stands between a router and the key that it is to send."""

    denied: Mapping[str, str] = field(default_factory=dict)
    """File it takes the key from -> what keeps it from opening that, in words."""
    unsendable: Mapping[str, str] = field(default_factory=dict)
    """File it takes the key from -> why what it reads there is no header's value."""


def router_reach(
    host: Host, site: RouterSite, reading: RouterReading, people: People | None
) -> RouterReach:
    """Look at every file that a call takes its key from. Raises Unknown where that needs root."""
    denied: dict[str, str] = {}
    unsendable: dict[str, str] = {}
    for call in reading.calls:
        if call.sends_key:
            denied.update(_denied(host, site, reading, people, call))
            unsendable.update(_unsendable(host, site, reading, call))
    return RouterReach(denied, unsendable)


def _denied(
    host: Host, site: RouterSite, reading: RouterReading, people: People | None, call: Call
) -> dict[str, str]:
    """Nothing where one of its files can be opened, or it has a key without them."""
    found: dict[str, str] = {}
    for path in call.key_files:
        try:
            status = path_status(host, site.opened(path))
        except FileNotFoundError:
            continue
        except PermissionError as error:
            raise Unknown(f"the way to {path} cannot be looked at: use sudo") from error
        except (OSError, ValueError):
            continue
        why = barrier(site, people, path, status)
        if not why:
            return {}
        found[path] = why
    variables = [name for origin in call.spare_keys if (name := variable_of(origin))]
    return {} if any(is_set(site, reading, name) for name in variables) else found


def barrier(site: RouterSite, people: People | None, path: str, status: PathStatus | None) -> str:
    """What keeps the router's account, or its unit's sandbox, from reading a file, in words.

    Empty where nothing does, or the account is not known.
    """
    rule = hides(site.unit, path) if site.contained is None else None
    if rule:
        name = site.unit.name if site.unit else "its unit"
        return f"{rule.setting} of {name} hides {rule.path}"
    user = site.user
    if user is None or status is None:
        return ""
    at = status.denied_at(user.uid, {*user.groups, *_extra(site, people)}, "r")
    if at is None:
        return ""
    mode = f"mode {at.permissions:04o}"
    verb = "read it" if at.path == status.leaf.path else f"pass {at.path}"
    return f"{user.name} may not {verb} ({mode})"


def may_read(
    site: RouterSite, people: People, tokens: PathStatus | None, path: str | None = None
) -> bool:
    """Whether the router's account, with its unit's groups and in its sandbox, may read the
    tokens file. `path` is the name it has there, where that is another.
    """
    if site.user is None or tokens is None:
        return False
    if site.contained:  # a mount leads past the directories above it
        there = site.contained.within(tokens.leaf.path)
        return bool(there) and allows(tokens.leaf, site.user.uid, site.user.groups, "r")
    return not any(
        barrier(site, people, each, tokens) for each in {path or tokens.leaf.path, tokens.leaf.path}
    )


def _extra(site: RouterSite, people: People | None) -> set[int]:
    """The groups that its unit adds."""
    names = site.unit.group_names if site.unit else ()
    return {group.gid for group in people.groups if group.name in names} if people else set()


def _unsendable(
    host: Host, site: RouterSite, reading: RouterReading, call: Call
) -> Iterator[tuple[str, str]]:
    seen = host.seen_by(reader(host, site))  # its source names them
    for path in _plain_files(site, reading, call):
        try:
            text = seen.read(site.opened(path), 4096).data.decode("utf-8", "replace")
        except (OSError, ValueError):
            continue
        if text.strip() and (why := _flaw(text if call.untrimmed else text.strip())):
            yield path, why


def _plain_files(site: RouterSite, reading: RouterReading, call: Call) -> Iterator[str]:
    """Files whose whole content is the key: those named, and the unit's credentials."""
    named = [path for path in call.key_files if not path.endswith(_TOKENS)]
    yield from named
    if call.untrimmed and not call.key_files and CREDENTIALS in reading.reads_environment:
        for entry in site.unit.settings("LoadCredential") if site.unit else ():
            path = entry.partition(":")[2]
            if path.startswith("/"):
                yield posixpath.normpath(path)


def _flaw(key: str) -> str:
    """Why a text can be no key in a header; empty where it can."""
    if key != key.strip():
        return "ends in a newline, which is sent with the key: no header may hold one"
    if re.search(r"[^\x21-\x7e]", key):
        return "holds what is no printable ASCII: no header may hold that"
    return ""


GATHERERS = (router_reach,)
