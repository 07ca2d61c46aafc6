"""Bringing the key to the router's unit: a credential, or an environment file only root reads.

Never `Environment=`: every local user can read that (systemd.exec(5)).
"""

from __future__ import annotations

import re
import shlex

from tabbydoctor.deployment.parts import Machine, RouterSite
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.remedies import dropin
from tabbydoctor.remedies.draft import CannotFix, Draft

NAME, VARIABLE = "tabby_api_key", "TABBY_API_KEY"
_DIRECTORY = "/etc/tabbydoctor"
_CREDENTIALS_SINCE = 247
"""The systemd release that brought LoadCredential=."""


def key_path(site: RouterSite) -> str:
    """Where the key for the router's unit is kept, as a credential."""
    return f"{_DIRECTORY}/{site.unit.name if site.unit else 'router'}/{NAME}"


def bring_key(
    draft: Draft, machine: Machine, site: RouterSite, key: str, why: str, *, environment_only: bool
) -> None:
    """Plan the key's file and the drop-in; without a unit it is for the operator to bring."""
    unit = site.unit
    if unit is None:
        if draft.changes_files:
            draft.manual.append(f"start the router with {VARIABLE} in its environment")
        return
    move_out_of_environment(draft, unit, why)
    if unit.user_manager:
        _environment_file(draft, unit, key, why, *_home(site))
    elif environment_only or (machine.systemd_version or 0) < _CREDENTIALS_SINCE:
        _environment_file(draft, unit, key, why, _DIRECTORY, 0, 0, None)
    else:
        path = key_path(site)
        draft.write(path, key.encode(), why, mode=0o600)
        dropin.extend(draft, unit, "key", [f"LoadCredential={NAME}:{path}"], why)


def _environment_file(
    draft: Draft, unit: Unit, key: str, why: str,
    directory: str, uid: int, gid: int, home: str | None,
) -> None:  # fmt: skip
    path = f"{directory}/{unit.name}/environment"
    draft.write(path, f"{VARIABLE}={quoted(key)}\n".encode(), why, mode=0o600, uid=uid, gid=gid)
    text = f"{dropin.HEADER}[Service]\nEnvironmentFile={path}\n"
    if draft.write(dropin.path_of(unit, "key", home), text.encode(), why, uid=uid, gid=gid):
        draft.reload(unit, why)


def _home(site: RouterSite) -> tuple[str, int, int, str]:
    if site.user is None:
        raise CannotFix("the account of the router's unit is not known: name it with --user")
    home = site.user.home
    return f"{home}/.config/tabbydoctor", site.user.uid, site.user.gid, home


def quoted(key: str) -> str:
    """As an environment file takes it: in double quotes, `\\` `"` `$` and a backquote escaped."""
    return '"' + re.sub(r'([\\"`$])', r"\\\1", key) + '"'


def move_out_of_environment(draft: Draft, unit: Unit, why: str) -> None:
    """Take a literal key out of `Environment=` in the unit's own files below /etc."""
    for file in unit.files:
        if f"{VARIABLE}=" not in file.text or not file.path.startswith(("/etc/", "/home/")):
            continue
        draft.edit(file.path, lambda text: without_variable(text, VARIABLE), why)
        draft.notes.append(
            f"{VARIABLE} of {file.path} could be read by every local user: rotate it"
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
