"""What an earlier strategy left, and a key in the open that nothing needs any more: taken away."""

from __future__ import annotations

from tabbydoctor.deployment.parts import Instance, Machine, RouterSite
from tabbydoctor.remedies import credential
from tabbydoctor.remedies.disable_auth import TITLE as AUTH_OFF
from tabbydoctor.remedies.draft import Draft
from tabbydoctor.remedies.restarting import restart_tabbyapi
from tabbydoctor.remedies.router_source import WHY, WIRING, WiredSources
from tabbydoctor.repair.changes import EarlierChange
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.site.environment import variable_of
from tabbydoctor.tabbyapi.tokens import Tokens


def take_away(
    draft: Draft, machine: Machine, site: RouterSite, reading: RouterReading, tokens: Tokens,
    key: str, wired: WiredSources,
) -> None:  # fmt: skip
    """What the router's unit has no use for any more: of an earlier strategy, or in the open.

    A variable without which its own lines would fail is kept, where root alone can read it.
    """
    needed = {*wired.variables, *wired.requires}
    if not wired.reads_credential and credential.take_away(draft, site, WHY, variables=not needed):
        draft.notes.append("what an earlier repair brought to the router's unit is taken away")
    sent = {variable_of(call.key_from) for call in reading.calls} - {""}
    accepted = {*tokens.api_keys, tokens.admin_key}
    unit = site.unit
    for name, value in (unit.environment if unit else {}).items():
        # A key of another server's is not TabbyAPI's matter, and the router may end without it.
        of_tabbyapi = value in accepted or (name in sent and "tabby" in name.lower())
        if unit is None or name in wired.variables or not of_tabbyapi:
            continue
        if name in wired.requires:
            credential.bring_key(
                draft, machine, site, key, WHY, environment_only=True, variables=[name]
            )
        else:
            credential.move_out_of_environment(draft, unit, WHY, name)
            draft.reload(unit, WHY)


def turn_auth_on(draft: Draft, instance: Instance | None) -> None:
    """Where the strategy was disable-auth before, that is taken back."""
    files = {file.path for change in draft.earlier if _is_off(change) for file in change.files}
    back = [path for path in sorted(files) if draft.put_back(path, WHY, _is_off)]
    if back:
        draft.notes.append("authentication, which an earlier repair switched off, is on again")
        if instance is not None:
            if any(path.endswith(".conf") for path in back) and instance.unit:
                draft.reload(instance.unit, WHY)
            restart_tabbyapi(draft, instance, WHY)


def say_wired(draft: Draft) -> None:
    """What an earlier repair wired into the router stays when a front comes, and does no harm."""
    if any(change.title.startswith(WIRING) for change in draft.earlier):
        draft.notes.append(
            "what an earlier repair wired into the router stays as it is: the front puts the key "
            "in the place of what it sends; undo takes back the front first, then that"
        )


def _is_off(change: EarlierChange) -> bool:
    return change.title == AUTH_OFF
