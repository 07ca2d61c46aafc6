"""Remedies that are a matter of systemd alone."""

from __future__ import annotations

from tabbydoctor.deployment.drop_ins import DropIn
from tabbydoctor.deployment.nixos import managed
from tabbydoctor.deployment.parts import Instance, Machine, RouterSite
from tabbydoctor.deployment.sandbox import emptied_with, outermost
from tabbydoctor.host.data import Account
from tabbydoctor.nixos.by_rebuild import THEN
from tabbydoctor.nixos.emptied_lists import drop_in_lines
from tabbydoctor.remedies import dropin
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.restarting import refuse_container, restart_tabbyapi
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.tabbyapi.outdated import differences
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.tabbyapi.run_start import ChangedSince
from tabbydoctor.tabbyapi.sandbox_needs import TritonCache, harmful_settings
from tabbydoctor.tabbyapi.sandbox_opening import by_hand, in_drop_in, opening
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
    draft: Draft,
    instance: Instance,
    machine: Machine,
    config: EffectiveConfig | None,
    cache: TritonCache | None,
) -> None:
    """SVC012: harmful settings off, and what TabbyAPI needs visible and writable again.

    Raises CannotFix where nothing of it can be done by a drop-in (systemd.exec(5)).
    """
    unit = instance.unit
    if unit is None or not unit.exists:
        return
    opened = opening(instance, unit, config, cache_exists=cache is not None and cache.exists)
    settings = [(one.name, one.harmless) for one in harmful_settings(unit)]
    settings += opened.settings
    left = [
        f"{unit.name}: {rule.setting} takes away {', '.join(outermost(h.path for h in found))}; "
        f"{by_hand(rule, found)}"
        for rule, found in opened.left.items()
    ]
    if managed(machine, unit) and settings:
        raise CannotFix(
            "; ".join(
                (f"NixOS writes {unit.name}: the change belongs into configuration.nix", *left)
            ),
            "\n".join((*drop_in_lines(unit, settings), THEN)),
        )
    if left and not settings:
        raise CannotFix("; ".join(left), f"{unit.systemctl} edit {unit.name}")
    draft.manual += left
    if settings:
        draft.title = draft.title or f"let the sandbox of {unit.name} leave TabbyAPI what it needs"
        drop_in = in_drop_in(unit, settings)
        _forget_lists(draft, drop_in, instance.user)
        dropin.add(draft, drop_in, "SVC012", instance.user)
        restart_tabbyapi(draft, instance, "SVC012")


def _forget_lists(draft: Draft, drop_in: DropIn, account: Account | None) -> None:
    """Take lists that are emptied out of an earlier drop-in of ours: they are written anew."""
    emptied = (key for key, value in drop_in.settings if not value)
    names = {name for key in emptied for name in emptied_with(key)}
    path = dropin.path_of(drop_in.unit, drop_in.name, account.home if account else None)
    before = draft.read(path)
    if names and before is not None:
        lines = before.splitlines(keepends=True)
        kept = [line for line in lines if line.partition(b"=")[0].decode("latin-1") not in names]
        draft.write(path, b"".join(kept), "SVC012")
