"""Secrets out of `Environment=`, into a file that only root (or the unit's owner) can read."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from tabbydoctor.deployment.exposed_secrets import exposed_secrets
from tabbydoctor.deployment.nixos import STORE, managed
from tabbydoctor.deployment.parts import Instance, Machine, RouterSite
from tabbydoctor.deployment.unit import Unit, assignments
from tabbydoctor.deployment.units import environment_file
from tabbydoctor.host.data import Account
from tabbydoctor.nixos.by_rebuild import THEN
from tabbydoctor.nixos.nix_text import comment
from tabbydoctor.nixos.service import option_lines, without_variable_line
from tabbydoctor.remedies import credential, dropin, nixos
from tabbydoctor.remedies.credential import quoted
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.tabbyapi.tokens import Tokens

WHY = "SVC008"
_DIRECTORY = "/etc/tabbydoctor"
_PACKAGED = ("/usr/lib/", "/lib/", "/run/", STORE)
_ROTATE = (
    "rotate what was moved: it has been readable by every local user (TabbyAPI makes new keys "
    "when api_tokens.yml is removed and it is restarted)"
)


def move_secrets(
    draft: Draft,
    instance: Instance,
    machine: Machine,
    router: RouterSite | None,
    tokens: Tokens | None,
) -> None:
    """SVC008: an `EnvironmentFile=` gives the unit the same variables from its next start on.

    What runs keeps what it has: nothing is restarted. Raises CannotFix where a unit's own files
    cannot be edited, or are not where the variable is set.
    """
    keys = {*tokens.api_keys, tokens.admin_key} if tokens else set()
    for site in (instance, router):
        unit = site.unit if site else None
        names = dict(exposed_secrets(unit, keys)) if unit and unit.exists else {}
        if site and unit and names:
            own = site if isinstance(site, RouterSite) else None
            _move(draft, machine, own, unit, site.user, names)
            draft.title = draft.title or f"move secrets of {unit.name} out of Environment="
            if _ROTATE not in draft.notes:
                draft.notes.append(_ROTATE)


def _move(
    draft: Draft,
    machine: Machine,
    site: RouterSite | None,
    unit: Unit,
    account: Account | None,
    names: Collection[str],
) -> None:
    if managed(machine, unit):
        place = f"/etc/{unit.name.removesuffix('.service')}.env"
        lines = nixos.file_steps(unit, place)
        lines += (comment(f"It takes a line for each of {', '.join(names)}, with its value."),)
        lines += option_lines(unit, [("EnvironmentFile", place)])
        lines += tuple(without_variable_line(unit, name) for name in names)
        raise CannotFix(
            f"NixOS writes {unit.name}: in configuration.nix, take {', '.join(names)} out of its "
            "environment and name a file of mode 0600 that holds them",
            "\n".join((*lines, THEN, comment(f"Then {_ROTATE}."))),
        )
    secrets = {name: _taken_out(draft, unit, name) for name in names}
    # An environment file wins over Environment=: what one sets counts as it is.
    for file in unit.environment_files:
        for name in environment_file(file.text or ""):
            secrets.pop(name, None)
    key = secrets.pop(credential.VARIABLE, None) if site else None
    if site and key:
        # In the place where `fix --auth --strategy router-env` keeps it.
        credential.bring_key(draft, machine, site, key, WHY, environment_only=True)
    if secrets:
        _write(draft, unit, account, secrets)
    draft.reload(unit, WHY)


def _write(draft: Draft, unit: Unit, account: Account | None, secrets: Mapping[str, str]) -> None:
    """Add them to the file of an earlier repair, if there is one."""
    directory, owner = _DIRECTORY, (0, 0)
    if unit.user_manager:
        if account is None:
            raise CannotFix(f"the account of {unit.name} is not known: name it with --user")
        directory, owner = f"{account.home}/.config/tabbydoctor", (account.uid, account.gid)
    path = f"{directory}/{unit.name}/secrets"
    there = (draft.read(path) or b"").decode("utf-8", "surrogateescape").splitlines()
    lines = [line for line in there if line.partition("=")[0] not in secrets]
    lines += [f"{name}={quoted(value)}" for name, value in secrets.items()]
    content = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
    draft.write(path, content, WHY, mode=0o600, uid=owner[0], gid=owner[1])
    draft.permit(path, WHY, mode=0o600)
    dropin.extend(draft, unit, "secrets", [f"EnvironmentFile={path}"], WHY, account)


def _taken_out(draft: Draft, unit: Unit, name: str) -> str:
    """Its value, out of every file of the unit, and proven: the other variables stay."""
    value: str | None = None
    for file in unit.files:
        before = assigned(draft.read(file.path) or b"")
        if name not in before:
            continue
        value = before[name]
        if file.path.startswith(_PACKAGED):
            raise CannotFix(f"{name} of {unit.name} is set in {file.path}, which a package owns")
        draft.edit(file.path, lambda content: credential.without_variable(content, name), WHY)
        rest = {variable: value for variable, value in before.items() if variable != name}
        if assigned(draft.read(file.path) or b"") != rest:
            raise CannotFix(
                f"{name} in {file.path} cannot be taken out without touching what stands beside it",
                f"{unit.systemctl} edit --full {unit.name}",
            )
    if value is None:
        raise CannotFix(f"{name} of {unit.name} is set in none of its files")
    if "\\" in value or "%" in value:
        # An escape or a specifier (systemd.unit(5)): what is meant is not what is written.
        raise CannotFix(f"{name} of {unit.name} is written with an escape: move it by hand")
    return value


def assigned(content: bytes) -> dict[str, str]:
    """What the `Environment=` lines of a unit file assign, continuation lines joined."""
    text = content.decode("utf-8", "surrogateescape").replace("\\\n", " ")
    values: dict[str, str] = {}
    for line in text.splitlines():
        setting, _, value = line.partition("=")
        if setting.strip() == "Environment":
            values |= assignments(value)
    return values
