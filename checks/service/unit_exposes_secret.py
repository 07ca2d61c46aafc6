"""A unit has a key in `Environment=`, where every local user can read it.

## What it checks
`Environment=` of TabbyAPI's and the router's unit: values that are one of TabbyAPI's keys, and
variables whose name says that they hold a key, token, secret or password.

## Why it matters
`systemctl show` tells `Environment=` to every local user, whatever the mode of the unit file.

## How it is told
By names and by comparing values with the keys. Values are not shown.

## What to do
Move the value to a file of mode 0600, named by `LoadCredential=` (or by `EnvironmentFile=`
where the software reads only its environment). Then rotate the key.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tabbydoctor.api import CURE, Cure, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.exposed_secrets import exposed_secrets
from tabbydoctor.deployment.nixos import managed
from tabbydoctor.deployment.parts import Instance, Machine, RouterSite
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.nixos.by_rebuild import by_rebuild
from tabbydoctor.nixos.service import option_lines, without_variable_line
from tabbydoctor.tabbyapi.tokens import Tokens

from ..key_rotation import rotation
from . import command, shown, units_of


@check(
    "SVC008",
    "unit-exposes-secret",
    category="service",
    severity=Severity.WARNING,
    cure=Cure("tabbydoctor.remedies.secrets:move_secrets", Safety.SAFE),
)
def unit_exposes_secret(
    instance: Instance,
    router: RouterSite | None,
    tokens: Tokens | None,
    machine: Machine | None = None,
) -> Iterator[Finding]:
    keys = {*tokens.api_keys, tokens.admin_key} if tokens else set()
    for unit in units_of(instance, router):
        for name, value in exposed_secrets(unit, keys):
            yield _finding(unit, name, value in keys, instance, tokens, managed(machine, unit))


def _finding(
    unit: Unit,
    name: str,
    is_tabby_key: bool,
    instance: Instance,
    tokens: Tokens | None,
    nixos: bool,
) -> Finding:
    move = (_in_nix(unit, name),) if nixos else (CURE, _move(unit, name))
    rotate = (
        rotation(instance, tokens)
        if is_tabby_key
        else Remedy(f"Rotate the key in {name} where it comes from: it has been readable")
    )
    return Finding(
        f"Every local user can read {name} of {unit.name}",
        "Environment= is shown to everyone by systemctl show"
        + (", and this is one of TabbyAPI's keys." if is_tabby_key else "."),
        (Evidence(_source(unit, name), "not in Environment=", f"{name}=[redacted]"),),
        (*move, rotate),
    )


def _move(unit: Unit, name: str) -> Remedy:
    file = shlex.quote(_file(unit))
    return Remedy(
        f"Or move {name} to a file of mode 0600 by hand, and name it by EnvironmentFile=",
        Safety.MANUAL,
        (
            f"sudo install -m 600 /dev/null {file}",
            f"sudoedit {file}",
            command(unit, "edit --full"),
            command(unit, "restart"),
        ),
    )


def _in_nix(unit: Unit, name: str) -> Remedy:
    """NixOS leaves alone what it did not write in /etc; the store everyone can read."""
    file = shlex.quote(_file(unit))
    lines = option_lines(unit, [("EnvironmentFile", _file(unit))])
    lines += (without_variable_line(unit, name),)
    write = (f"sudo install -m 600 /dev/null {file}", f"sudoedit {file}")
    title = f"Move {name} from the unit's environment to a file of mode 0600"
    return by_rebuild(title, *lines, first=write)


def _file(unit: Unit) -> str:
    return f"/etc/{unit.name.removesuffix('.service')}.env"


def _source(unit: Unit, name: str) -> str:
    for file in reversed(unit.files):
        line = file.line_of(f"{name}=")
        if line:
            return f"{file.path}:{line}"
    return shown(unit, "Environment")
