"""Drop-ins: a unit is changed beside its file, never in it (systemd.unit(5))."""

from __future__ import annotations

from collections.abc import Iterable

from tabbydoctor.deployment import drop_ins
from tabbydoctor.deployment.drop_ins import DropIn
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.host.data import Account
from tabbydoctor.nixos.service import option_lines
from tabbydoctor.remedies import nixos
from tabbydoctor.remedies.draft import CannotFix, Draft

HEADER = "# Written by tabbydoctor; `tabbydoctor undo` takes it back.\n"
RUNTIME = "/run/systemd/system"


def path_of(unit: Unit, name: str, home: str | None = None) -> str:
    """Where a drop-in of ours stands. Raises CannotFix for a user's unit without a home."""
    if not unit.user_manager:
        return f"{_base(unit)}/{unit.name}.d/{drop_ins.file_name(name)}"
    if home is None:
        raise CannotFix(f"the home of {unit.owner} is not known")
    return f"{drop_ins.user_directory(home)}/{unit.name}.d/{drop_ins.file_name(name)}"


def add(draft: Draft, drop_in: DropIn, why: str, account: Account | None = None) -> None:
    """Write a drop-in of ours, as `extend` does."""
    extend(draft, drop_in.unit, drop_in.name, drop_in.lines, why, account)


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
        if path.startswith(RUNTIME):
            draft.manual.append(_in_nix(unit, path, lines))


def withdraw(
    draft: Draft, unit: Unit, name: str, settings: Iterable[str], why: str,
    account: Account | None = None,
) -> bool:  # fmt: skip
    """Take lines out of a drop-in of ours, and the file where nothing is left. True if it changes.

    Raises CannotFix as `path_of`.
    """
    path = path_of(unit, name, account.home if account and unit.user_manager else None)
    text = draft.read(path)
    if text is None:
        return False
    gone = set(settings)
    lines = text.decode("utf-8", "surrogateescape").splitlines()
    kept = [line for line in lines if line not in gone]
    if len(kept) == len(lines):
        return False
    if any(line and not line.startswith(("#", "[")) for line in kept):
        content = ("\n".join(kept) + "\n").encode("utf-8", "surrogateescape")
        draft.write(path, content, why)
    else:
        draft.remove(path, why)
    draft.reload(unit, why)
    return True


def _in_nix(unit: Unit, path: str, lines: Iterable[str]) -> str:
    pairs = [line.partition("=") for line in lines if not line.startswith(("#", "["))]
    said = " ".join(option_lines(unit, ((key, value) for key, _, value in pairs)))
    return (
        f"{path} is gone when the machine starts anew; what is to last is said in "
        f"configuration.nix: {said}"
    )


def _base(unit: Unit) -> str:
    """On NixOS the usual place is in the store: only what ends with this run of the machine can."""
    places = (drop_ins.SYSTEM, *(file.path for file in unit.files))
    return RUNTIME if any(map(nixos.leads_into_store, places)) else drop_ins.SYSTEM
