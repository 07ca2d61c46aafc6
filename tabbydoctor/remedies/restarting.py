"""Restarting TabbyAPI as a part of a remedy, and saying so."""

from __future__ import annotations

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.remedies.draft import CannotFix, Draft


def restart_tabbyapi(draft: Draft, instance: Instance, why: str) -> None:
    """Plan it; without a unit it is left to the operator. One that was stopped stays so."""
    unit = instance.unit
    if unit is None:
        if instance.process:
            draft.manual.append("restart TabbyAPI the way it was started: it runs under no unit")
        return
    note = f"{unit.name} is restarted: a loaded model is loaded anew"
    if unit.get("ActiveState") == "inactive":
        note = f"{unit.name} is stopped and stays so: the change counts from its next start on"
    else:
        draft.restart(unit, why)
    if note not in draft.notes:
        draft.notes.append(note)


def refuse_container(instance: Instance) -> None:
    """Raises CannotFix: what is in a container goes with its image or volume."""
    if instance.container:
        raise CannotFix(
            f"TabbyAPI runs in the container {instance.container}: change its image or volume"
        )
