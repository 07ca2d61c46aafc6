"""What would show a gateway's key to other accounts, closed: Caddy's admin endpoint, and HAProxy's
sockets, which are left to a person."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tabbydoctor.deployment.drop_ins import DropIn
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.remedies import dropin
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.routers.caddy.admin import AdminEndpoint, admin_endpoint
from tabbydoctor.routers.gateways.splices import spliced
from tabbydoctor.routers.haproxy.control import open_control

WHY = "RTR002"
_DROP_IN = "caddy-admin"
_SHOWS = "Caddy's admin endpoint shows its configuration, with the key, to every local account"
_BY_FILE = re.compile(
    r"[-@:+!]*\S*(caddy\s+(reload\b(?!.*\s-(-?address|a)\b).*\s(--config|-c)\b|validate\s)|/kill\s)"
)
"""What finds the admin endpoint by the configuration that it loads, and asks none by itself."""


def refuse_open_sockets(texts: Mapping[str, str], command: Sequence[str]) -> None:
    """Raises CannotFix where others than root could ask HAProxy for the key."""
    found = open_control(texts, command)
    if found:
        raise CannotFix(
            f"{found}: `show map` would show the key to other accounts",
            "# in the place of that address:\n"
            "stats socket /run/haproxy/admin.sock mode 600 level admin\n"
            "# restart HAProxy, then run this again",
        )


def close_admin(
    draft: Draft, unit: Unit, path: str, texts: Mapping[str, str], files: Mapping[str, str],
    environment: Mapping[str, str],
) -> dict[str, str]:  # fmt: skip
    """Texts by which Caddy's admin endpoint is its own account's and root's; those given where it
    is closed already. `files`: path -> what it is without links. Raises CannotFix, CannotGiveKey.
    """
    endpoint = admin_endpoint(path, texts, environment)
    if endpoint.closed(_umask(unit)):
        return dict(texts)
    own = re.sub(r"[^\w.-]", "-", f"tabbydoctor-{unit.name.removesuffix('.service')}")
    address = f"unix//run/{own}/admin.sock"
    drop_in = DropIn(unit, _DROP_IN, (("RuntimeDirectory", own), ("RuntimeDirectoryMode", "0700")))
    why = _obstacle(unit, endpoint, own)
    if why:
        raise CannotFix(f"{_SHOWS}, and {why}", _by_hand(drop_in, address))
    dropin.add(draft, drop_in, WHY)
    draft.notes.append(
        f"{_SHOWS}: it moves from {endpoint.address} to {address}, which {unit.user} and root "
        "alone can reach; what else asks it is to ask there"
    )
    changed = dict(texts)
    edits = list(endpoint.moved(address))
    for name, text in texts.items():
        here = [edit for edit in edits if _same(edit.file, name, files)]
        changed[name] = spliced(text, here, "") if here else text
    return changed


def _same(one: str, other: str, files: Mapping[str, str]) -> bool:
    return files.get(one, one) == files.get(other, other)


def _obstacle(unit: Unit, endpoint: AdminEndpoint, own: str) -> str:
    """Why it is not moved."""
    if endpoint.in_use:
        return endpoint.in_use
    other = next((one for one in unit.settings("ExecReload") if not _BY_FILE.match(one)), "")
    if other:
        return f"{unit.name} is reloaded by `{other}`, which might ask it where it was"
    directories = {one for given in unit.settings("RuntimeDirectory") for one in given.split()}
    modes = unit.settings("RuntimeDirectoryMode")
    if directories - {own} and modes[-1:] not in (("0700",), ("700",)):
        return f"{unit.name} has a RuntimeDirectory= that others may enter"
    return ""


def _umask(unit: Unit) -> int:
    given = unit.settings("UMask")[-1:] or ("0022",)
    return int(given[0], 8) if re.fullmatch("[0-7]+", given[0]) else 0


def _by_hand(drop_in: DropIn, address: str) -> str:
    """What a person does instead."""
    return "\n".join(
        (
            "# in the first block of the Caddyfile, the global options, in the place of any admin:",
            "{",
            f"\tadmin {address}",
            "}",
            "# a directory for it, and a restart; then run this again",
            *drop_in.commands,
        )
    )
