"""Bringing the key to the router's unit: a credential, or an environment file only root reads.

Never `Environment=`: every local user can read that (systemd.exec(5)).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

from tabbydoctor.deployment.parts import Machine, RouterSite
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.deployment.units import environment_file
from tabbydoctor.remedies import dropin, nixos
from tabbydoctor.remedies.draft import CannotFix, Draft

NAME, VARIABLE = "tabby_api_key", "TABBY_API_KEY"
_DIRECTORY = "/etc/tabbydoctor"
_CREDENTIALS_SINCE = 247
"""The systemd release that brought LoadCredential=."""


def key_path(site: RouterSite) -> str:
    """Where the key for the router's unit is kept, as a credential."""
    return f"{_DIRECTORY}/{site.unit.name if site.unit else 'router'}/{NAME}"


def by_credential(machine: Machine, unit: Unit) -> bool:
    """Whether systemd can hand the unit a credential: not the manager of a user."""
    return not unit.user_manager and (machine.systemd_version or 0) >= _CREDENTIALS_SINCE


def bring_key(
    draft: Draft, machine: Machine, site: RouterSite, key: str, why: str, *,
    environment_only: bool, variables: Iterable[str] = (VARIABLE,),
) -> None:  # fmt: skip
    """Plan the key's file and the drop-in; without a unit it is for the operator to bring.

    As `variables` where the router reads its environment only, or systemd knows no credentials.
    """
    unit = site.unit
    if unit is None:
        if draft.changes_files:
            draft.manual.append(f"start the router with {VARIABLE} in its environment")
        return
    for variable in variables:
        move_out_of_environment(draft, unit, why, variable)
    if environment_only or not by_credential(machine, unit):
        for variable in variables:
            _environment_file(draft, site, unit, variable, key, why)
    else:
        path = key_path(site)
        draft.write(path, key.encode(), why, mode=0o600)
        dropin.extend(draft, unit, "key", [f"LoadCredential={NAME}:{path}"], why)


def environment_path(site: RouterSite) -> str:
    """The environment file for the router's unit. Raises CannotFix where its owner is unknown."""
    return f"{_directory(site)}/environment"


def _directory(site: RouterSite) -> str:
    unit = site.unit
    if unit is None or not unit.user_manager:
        return f"{_DIRECTORY}/{unit.name if unit else 'router'}"
    if site.user is None:
        raise CannotFix("the account of the router's unit is not known: name it with --user")
    return f"{site.user.home}/.config/tabbydoctor/{unit.name}"


def _environment_file(
    draft: Draft, site: RouterSite, unit: Unit, variable: str, key: str, why: str
) -> None:
    path = environment_path(site)
    moved = f"{_directory(site)}/secrets"  # of SVC008: it is read after ours
    if variable in environment_file((draft.read(moved) or b"").decode("utf-8", "replace")):
        path = moved
    content = with_variable(draft.read(path) or b"", variable, key)
    own = site.user if unit.user_manager else None
    uid, gid = (own.uid, own.gid) if own else (0, 0)
    draft.write(path, content, why, mode=0o600, uid=uid, gid=gid)
    if path != moved:
        dropin.extend(draft, unit, "key", [f"EnvironmentFile={path}"], why, own)


def with_variable(content: bytes, variable: str, key: str) -> bytes:
    """An environment file that sets a variable; its other lines stay."""
    line = f"{variable}={quoted(key)}"
    lines = content.decode("utf-8", "surrogateescape").splitlines()
    lines = [line if each.partition("=")[0] == variable else each for each in lines]
    lines += [] if line in lines else [line]
    return "".join(f"{each}\n" for each in lines).encode("utf-8", "surrogateescape")


def quoted(key: str) -> str:
    """As an environment file takes it: in double quotes, `\\` `"` `$` and a backquote escaped."""
    return '"' + re.sub(r'([\\"`$])', r"\\\1", key) + '"'


def move_out_of_environment(draft: Draft, unit: Unit, why: str, variable: str) -> None:
    """Take a literal key out of `Environment=` in the unit's own files below /etc."""
    for file in unit.files:
        text = file.text.encode("utf-8", "surrogateescape")
        ours = file.path.startswith(("/etc/", "/home/")) and not nixos.stored(file.path)
        if not ours or without_variable(text, variable) == text:
            continue
        draft.edit(file.path, lambda text: without_variable(text, variable), why)
        draft.notes.append(
            f"{variable} of {file.path} could be read by every local user: rotate it"
        )


def without_variable(content: bytes, variable: str) -> bytes:
    """A unit file without an assignment of `Environment=`; other assignments stay."""
    text = content.decode("utf-8", "surrogateescape")
    kept = [_line(line, variable) for line in text.splitlines(keepends=True)]
    return "".join(kept).encode("utf-8", "surrogateescape")


def _line(line: str, variable: str) -> str:
    found = re.match(r"(\s*Environment\s*=\s*)(.*?)(\s*)$", line, re.DOTALL)
    if not found or f"{variable}=" not in found[2]:
        return line
    try:
        words = shlex.split(found[2])
    except ValueError:
        return line
    others = [word for word in words if not word.startswith(f"{variable}=")]
    shown = " ".join(f'"{word}"' if re.search(r"\s", word) else word for word in others)
    return f"{found[1]}{shown}{found[3]}" if others else ""
