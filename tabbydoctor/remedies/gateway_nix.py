"""A gateway whose configuration NixOS writes: the lines that give it the key."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tabbydoctor.deployment.unit import Unit
from tabbydoctor.nixos.by_rebuild import THEN, steps
from tabbydoctor.nixos.nix_text import comment, literal, path
from tabbydoctor.routers import HandEdit, RouterReading
from tabbydoctor.routers.gateways.splices import KEY_FILE
from tabbydoctor.routers.haproxy.in_place import FETCHED

_BY_HAND = {
    "haproxy": "in services.haproxy.config, {block}, behind its http-request rules:",
    "caddy": "in the extraConfig of services.caddy.virtualHosts, reverse_proxy of {block}:",
}


def lines_of_nix(reading: RouterReading, unit: Unit, key_file: str, content: str) -> str:
    """First the file with the key, of the account that the gateway is started as."""
    quoted = shlex.quote(key_file)
    owner = "" if unit.user == "root" else f"-o {shlex.quote(unit.user)} "
    make = (f"sudo install -D -m 600 {owner}/dev/null {quoted}", f"sudoedit {quoted}")
    held = "\n".join(f"  {line}" for line in content.splitlines())
    said = [*steps("first", make), comment(f"{key_file} holds:\n{held}")]
    edits = [edit for edit in reading.by_hand if edit.concern == "key"]
    asked = {(call.file, call.line): call.asked for call in reading.calls}
    for edit in edits:
        said += _of_edit(reading.kind, edit, asked.get((edit.file, edit.mends), ""), key_file)
    if reading.kind == "caddy":
        said += _closed_admin(unit)
    return "\n".join((*dict.fromkeys(said), THEN))


def _of_edit(kind: str, edit: HandEdit, asked: str, key_file: str) -> Iterator[str]:
    lines = [line.strip() for line in edit.lines]
    if kind == "nginx":
        location = edit.block.removeprefix("location ")
        host = asked.removeprefix("//").partition(":")[0] or "_"
        kept = [line for line in lines if line.startswith("proxy_set_header") and not _key(line)]
        text = "\n".join((*kept, f"include {key_file};"))
        option = path("services", "nginx", "virtualHosts", host, "locations", location)
        yield f"{option}.extraConfig = {literal(text)};"
        return
    if kind == "haproxy":
        fetched = FETCHED.replace(KEY_FILE, key_file)
        own = [line.replace("<api_key>", fetched) for line in lines if _key(line)]
    else:
        own = [f"import {key_file}"]
    yield comment("\n".join((_BY_HAND[kind].format(block=edit.block), *(f"  {o}" for o in own))))


def _closed_admin(unit: Unit) -> Iterator[str]:
    """What keeps its admin endpoint from showing the key to every local account."""
    name = unit.name.removesuffix(".service")
    own = f"{name}-admin"
    yield f"services.caddy.globalConfig = {literal(f'admin unix//run/{own}/admin.sock')};"
    service = path("systemd", "services", name, "serviceConfig")
    yield f"{service}.RuntimeDirectory = {literal(own)};"
    yield f"{service}.RuntimeDirectoryMode = {literal('0700')};"


def _key(line: str) -> bool:
    low = line.lower()
    return any(name in low for name in ("authorization", "x-api-key", "x-admin-key"))
