"""Remedies that are a matter of systemd alone."""

from __future__ import annotations

from tabbydoctor.deployment.nixos import managed
from tabbydoctor.deployment.parts import Instance, Machine, RouterSite
from tabbydoctor.remedies import dropin, nixos
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.restarting import refuse_container, restart_tabbyapi
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.tabbyapi.outdated import differences
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.tabbyapi.run_start import ChangedSince
from tabbydoctor.tabbyapi.sandbox_needs import harmful_settings, harms
from tabbydoctor.tabbyapi.tokens import Tokens


def reload(draft: Draft, instance: Instance, router: RouterSite | None) -> None:
    """SVC005: systemd reads the changed units; what runs goes on as it is."""
    for unit in (instance.unit, router.unit if router else None):
        if unit and unit.flag("NeedDaemonReload"):
            draft.title = draft.title or "have systemd read its unit files again"
            draft.reload(unit, "SVC005")


def restart(
    draft: Draft,
    instance: Instance,
    changed: ChangedSince,
    config: EffectiveConfig | None,
    tokens: Tokens | None,
    endpoint: Endpoint | None,
    installation: Installation | None,
    log: RunLog | None,
) -> None:
    """SVC010: TabbyAPI reads its files anew. Raises CannotFix without a unit."""
    if not list(differences(changed, config, tokens, endpoint, installation, log)):
        return
    refuse_container(instance)
    if instance.unit is None:
        raise CannotFix("TabbyAPI runs under no unit: restart it the way it was started")
    draft.title = draft.title or "restart TabbyAPI"
    restart_tabbyapi(draft, instance, "SVC010")


def lift_sandbox(
    draft: Draft, instance: Instance, machine: Machine, config: EffectiveConfig | None
) -> None:
    """SVC012: harmful settings off, write-protected paths open; what is hidden stays manual.

    Raises CannotFix where nothing of it can be done by a drop-in (systemd.exec(5)).
    """
    unit = instance.unit
    if unit is None or not unit.exists:
        return
    settings = [(one.name, one.harmless) for one in harmful_settings(unit)]
    left: list[str] = []
    for rule, found in harms(instance, unit, config).items():
        paths = dict.fromkeys(harm.path for harm in found)
        if rule.reach == "read-only":
            settings += [("ReadWritePaths", f"-{path}") for path in paths]
        else:
            left.append(f"{unit.name}: {rule.setting} hides {', '.join(paths)}; lift it by hand")
    if managed(machine, unit) and settings:
        nixos.refuse_unit(machine, unit, settings)
    if left and not settings:
        raise CannotFix("; ".join(left), f"{unit.systemctl} edit {unit.name}")
    draft.manual += left
    if settings:
        draft.title = draft.title or f"let the sandbox of {unit.name} leave TabbyAPI what it needs"
        lines = ["=".join(setting) for setting in settings]
        dropin.extend(draft, unit, "sandbox", lines, "SVC012", instance.user)
        restart_tabbyapi(draft, instance, "SVC012")
