"""A unit needs an environment file that is not there.

## What it checks
Every `EnvironmentFile=` without a leading `-`, of TabbyAPI's and the router's unit; and lines of
one that systemd does not understand, such as `export NAME=value`.

## Why it matters
systemd does not start the unit without it (`Result=resources`); one that runs already will not
come up again.

## How it is told
By looking at the files. systemd reads them itself, as root: their owner and mode do not
matter.

## What to do
Write `NAME=value`, without `export`. Write the file, or put `-` before its path if the unit can
do without it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, Unknown, check
from tabbydoctor.deployment.nixos import in_store, managed
from tabbydoctor.deployment.parts import Instance, Machine, RouterSite
from tabbydoctor.deployment.unit import EnvironmentFile, Unit
from tabbydoctor.nixos.by_rebuild import by_rebuild
from tabbydoctor.nixos.service import forced_line

from . import command, units_of

_EXPORT = re.compile(r"\s{0,80}(?:export|declare -x|set)\s{1,80}([A-Za-z_]\w{0,200})=")
_NOT_ALLOWED = re.compile(r"(?i)permission denied|not permitted")


@check("SVC009", "unit-environment-file", category="service", severity=Severity.ERROR)
def unit_environment_file(
    instance: Instance, router: RouterSite | None, machine: Machine | None = None
) -> Iterator[Finding]:
    unseen = []
    for unit in units_of(instance, router):
        for file in unit.environment_files:
            yield from _not_understood(unit, file)
            if file.optional or file.text is not None or re.search(r"[*?\[]", file.path):
                continue
            if _NOT_ALLOWED.search(file.problem) and not unit.user_manager:
                unseen.append(file.path)
            else:
                yield _finding(unit, file, managed(machine, unit))
    if unseen:
        raise Unknown(f"{unseen[0]} cannot be looked at without root (use sudo)")


def _not_understood(unit: Unit, file: EnvironmentFile) -> Iterator[Finding]:
    """The lines that systemd passes over, as it does with a shell's `export`."""
    lines = (file.text or "").replace("\\\n", "  ").splitlines()
    found = [(number, m[1]) for number, line in enumerate(lines, 1) if (m := _EXPORT.match(line))]
    if not found:
        return
    names = ", ".join(dict.fromkeys(name for _, name in found))
    path = shlex.quote(file.path)
    edit = f"sudo sed -i -E 's/^[[:space:]]*(export|declare -x|set)[[:space:]]+//' {path}"
    yield Finding(
        f"{unit.name} does not get {names}: systemd does not understand export",
        "An EnvironmentFile= is no shell script: such a line is passed over, and nothing is set.",
        tuple(
            Evidence(f"{file.path}:{number}", f"{name}=…", f"export {name}=…")
            for number, name in found
        ),
        (Remedy("Take the word export out, and restart", Safety.UNSAFE, (edit, *unit.restart)),),
        severity=Severity.WARNING,
    )


def _finding(unit: Unit, file: EnvironmentFile, nixos: bool) -> Finding:
    return Finding(
        f"{unit.name} cannot start without {file.path}",
        f"Its EnvironmentFile= cannot be read: {file.problem or 'no such file'}.",
        (Evidence(_source(unit, file.path), "a file", file.problem or "no such file"),),
        tuple(_remedies(unit, file, nixos)),
    )


def _remedies(unit: Unit, file: EnvironmentFile, nixos: bool) -> Iterator[Remedy]:
    path = shlex.quote(file.path)
    optional = f"Or make it optional: EnvironmentFile=-{file.path}"
    if in_store(file.path):
        optional = f"Take {file.path} out of the unit's EnvironmentFile"
    else:
        write = (f"sudo install -m 600 /dev/null {path}", f"sudoedit {path}")
        yield Remedy("Write the file", commands=write)
    if nixos:
        yield by_rebuild(optional, forced_line(unit, "EnvironmentFile", _without(unit, file)))
    else:
        yield Remedy(optional, commands=(command(unit, "edit --full"),))


def _without(unit: Unit, file: EnvironmentFile) -> list[str]:
    """All files of the unit, the one optional or, in the store, left out."""
    kept = [one for one in unit.environment_files if not (one == file and in_store(one.path))]
    return [f"{'-' if one.optional or one == file else ''}{one.path}" for one in kept]


def _source(unit: Unit, path: str) -> str:
    for file in reversed(unit.files):
        line = file.line_of(path)
        if line:
            return f"{file.path}:{line}"
    return f"systemctl show {shlex.quote(unit.name)} -p EnvironmentFiles"
