"""Drop-ins: a unit is changed beside its file, never in it (systemd.unit(5))."""

from __future__ import annotations

from collections.abc import Iterable

from tabbydoctor.deployment.nixos import from_store
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.host.data import Account
from tabbydoctor.remedies.draft import CannotFix, Draft

HEADER = "# Written by tabbydoctor; `tabbydoctor undo` takes it back.\n"
SYSTEM, RUNTIME = "/etc/systemd/system", "/run/systemd/system"
# Drop-ins apply in the order of their names (systemd.unit(5)): this one is to win.
_PREFIX = "zz-tabbydoctor"


def path_of(unit: Unit, name: str, home: str | None = None) -> str:
    """Where a drop-in of ours stands. Raises CannotFix for a user's unit without a home."""
    if not unit.user_manager:
        # On NixOS the former is in the store: only what holds until the next start can be added.
        base = RUNTIME if from_store(unit) else SYSTEM
        return f"{base}/{unit.name}.d/{_PREFIX}-{name}.conf"
    if home is None:
        raise CannotFix(f"the home of {unit.owner} is not known")
    return f"{home}/.config/systemd/user/{unit.name}.d/{_PREFIX}-{name}.conf"


def extend(
    draft: Draft, unit: Unit, name: str, settings: Iterable[str], why: str,
    account: Account | None = None,
) -> None:  # fmt: skip
    """Add lines to a drop-in of ours: what an earlier repair wrote there stays.

    A unit of a user manager keeps it in the home of `account`, and as that account's.
    """
    home = account.home if account and unit.user_manager else None
    path = path_of(unit, name, home)
    text = (draft.read(path) or f"{HEADER}[Service]\n".encode()).decode("utf-8", "surrogateescape")
    lines = text.splitlines()
    lines += [line for line in dict.fromkeys(settings) if line not in lines]
    content = ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")
    owner = (account.uid, account.gid) if account and unit.user_manager else (0, 0)
    if draft.write(path, content, why, uid=owner[0], gid=owner[1]):
        draft.reload(unit, why)
