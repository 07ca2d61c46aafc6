"""A sandbox setting of the unit is known to break TabbyAPI.

## What it checks
`MemoryDenyWriteExecute=`, `ProcSubset=pid`; what cuts TabbyAPI off from every client
(`PrivateNetwork=`, `RestrictAddressFamilies=` without IPv4, `IPAddressDeny=any`); and whether
`ProtectHome=`, `ProtectSystem=` and their like hide or write-protect what TabbyAPI uses: its
directory, its interpreter, its models, its caches.

## Why it matters
TabbyAPI writes `logs/` and api_tokens.yml into its working directory, and Triton compiles into a
cache under the home directory. torch writes code at run time, psutil reads /proc/meminfo.

## How it is told
From the settings systemd has loaded, and the paths the deployment really uses. Settings that do
no harm are not mentioned. It is an error where the unit has failed and what every start needs is
taken away, for such a start cannot succeed; and where no client can reach it.

## What to do
Open the path with `ReadWritePaths=`, below a path that is read-only. On the very same path
systemd lets read-only win: then take it out of `ReadOnlyPaths=`, which a drop-in does with an
empty `ReadOnlyPaths=` and the other paths anew. `BindPaths=` and `BindReadOnlyPaths=` are emptied
together: say the words of both anew. Behind `ProtectHome=tmpfs` or `TemporaryFileSystem=` the
path comes back with `BindPaths=`. Below `InaccessiblePaths=` and `ProtectHome=yes` nothing can be
opened; `ProtectHome=read-only` can. systemd passes over a path that is not there: set
`TRITON_CACHE_DIR=` to a directory below the working directory rather than open a home for a
cache that does not exist yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tabbydoctor.api import CURE, Cure, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.nixos import managed
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.deployment.sandbox import Rule, outermost
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.nixos.by_rebuild import by_rebuild
from tabbydoctor.nixos.service import environment_line
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.sandbox_needs import (
    Harm,
    HarmfulSetting,
    TritonCache,
    harmful_settings,
    harms,
)
from tabbydoctor.tabbyapi.sandbox_opening import by_hand, in_drop_in, opening

from ..drop_in import by_drop_in
from . import command, shown, unit_of

UnitSettings = tuple[tuple[str, str], ...]


@check(
    "SVC012",
    "unit-sandbox",
    category="service",
    severity=Severity.WARNING,
    cure=Cure("tabbydoctor.remedies.units:lift_sandbox", Safety.UNSAFE),
)
def unit_sandbox(
    instance: Instance,
    config: EffectiveConfig | None,
    machine: Machine | None = None,
    cache: TritonCache | None = None,
) -> Iterator[Finding]:
    unit = unit_of(instance)
    here = machine or Machine(systemd=True)
    found = harms(instance, unit, config)
    # What stops TabbyAPI comes first.
    for rule in sorted(found, key=lambda rule: not _stops(found[rule])):
        remedies = _remedies(instance, unit, here, rule, found[rule], config, cache)
        yield _taken_away(unit, rule, found[rule], remedies)
    for one in harmful_settings(unit):
        yield _harmful(unit, here, one)


def _stops(found: list[Harm]) -> bool:
    """TabbyAPI opens its log file before anything else."""
    return any(harm.stops for harm in found)


def _taken_away(unit: Unit, rule: Rule, found: list[Harm], remedies: tuple[Remedy, ...]) -> Finding:
    why = "; ".join(harm.what for harm in found)
    down = unit.get("ActiveState") == "failed" or unit.get("SubState") == "auto-restart"
    # A user's manager may not be able to set a sandbox up, and then goes without.
    stopped = down and not unit.user_manager and _stops(found)
    return Finding(
        f"{rule.setting} of {unit.name} {'stops' if stopped else 'breaks'} TabbyAPI",
        f"{why[0].upper()}{why[1:]}." + (" It cannot start like this." if stopped else ""),
        (
            Evidence(
                _where(unit, rule.setting),
                f"{rule.name}= without effect on {_paths(found)}",
                rule.setting,
            ),
        ),
        remedies,
        severity=Severity.ERROR if stopped else None,
    )


def _remedies(
    instance: Instance,
    unit: Unit,
    machine: Machine,
    rule: Rule,
    found: list[Harm],
    config: EffectiveConfig | None,
    cache: TritonCache | None,
) -> tuple[Remedy, ...]:
    opened = opening(
        instance, unit, config, rule.name, cache_exists=cache is not None and cache.exists
    )
    left = {harm.path for its in opened.left.values() for harm in its}
    mended = [harm for harm in found if harm.path not in left]
    remedies: tuple[Remedy, ...] = ()
    if opened.settings:
        title = f"Open {_paths(mended)} to it"
        if ("ProtectHome", "read-only") in opened.settings:
            title += ", other homes for reading alone"
        remedies = _settled(title, unit, machine, rule.setting, opened.settings)
    by_person = (_by_hand(instance, unit, machine, *one) for one in opened.left.items())
    return (*remedies, *by_person)


def _by_hand(
    instance: Instance, unit: Unit, machine: Machine, rule: Rule, found: tuple[Harm, ...]
) -> Remedy:
    words = by_hand(rule, found)
    title = f"{words[0].upper()}{words[1:]}"
    if managed(machine, unit) and all(harm.cache for harm in found):
        cache = f"{instance.directory}/.triton"
        return by_rebuild(title, environment_line(unit, "TRITON_CACHE_DIR", cache))
    return Remedy(title, Safety.MANUAL, (command(unit, "edit"), *unit.restart))


def _harmful(unit: Unit, machine: Machine, one: HarmfulSetting) -> Finding:
    written = f"{one.name}={one.harmful}"
    settings = ((one.name, one.harmless),)
    return Finding(
        f"{written} of {unit.name} {'cuts TabbyAPI off' if one.cuts_off else 'breaks TabbyAPI'}",
        f"{one.why[0].upper()}{one.why[1:]}.",
        (Evidence(_where(unit, written), f"{one.name}={one.harmless}", written),),
        _settled(f"Lift {one.name}=", unit, machine, written, settings),
        severity=Severity.ERROR if one.cuts_off else None,
    )


def _settled(
    title: str, unit: Unit, machine: Machine, setting: str, settings: UnitSettings
) -> tuple[Remedy, ...]:
    """The lines that do it: of configuration.nix, or of a drop-in that applies after others."""
    name, place = setting.partition("=")[0], _where(unit, setting)
    if not managed(machine, unit):
        return by_drop_in(f"{title}, by a drop-in", in_drop_in(unit, settings), machine), CURE
    if place.startswith("/run/"):  # nothing that NixOS writes beats that
        title = f"Take {name}= out of {place}; {title[0].lower()}{title[1:]}"
    return (by_drop_in(title, in_drop_in(unit, settings), machine),)


def _paths(found: Iterable[Harm]) -> str:
    return ", ".join(outermost(harm.path for harm in found))


def _where(unit: Unit, setting: str) -> str:
    """The line that sets it: of several the last that says just this, else the last of all."""
    name, _, word = setting.partition("=")
    lines = [
        (f"{file.path}:{number}", value.split())
        for file in unit.files
        for number, line in enumerate(file.text.splitlines(), 1)
        for key, found, value in [line.partition("=")]
        if found and key.strip() == name
    ]
    exact = [place for place, words in lines if word in words]
    return (exact or [place for place, _ in lines] or [shown(unit, name)])[-1]
