"""Restarting TabbyAPI as a part of a remedy, and saying so."""

from __future__ import annotations

import shlex

from tabbydoctor.deployment.container import Container
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.remedies.draft import CannotFix, Draft


def restart_tabbyapi(draft: Draft, instance: Instance, why: str) -> None:
    """Plan it; without a unit it is left to the operator. One that was stopped stays so."""
    unit = instance.unit
    if unit is None:
        if instance.process:
            draft.manual.append(by_hand(instance))
        return
    note = f"{unit.name} is restarted: a loaded model is loaded anew"
    if unit.get("ActiveState") == "inactive":
        note = f"{unit.name} is stopped and stays so: the change counts from its next start on"
    else:
        draft.restart(unit, why)
    if note not in draft.notes:
        draft.notes.append(note)


def by_hand(instance: Instance) -> str:
    """How a TabbyAPI without a unit is restarted, in words."""
    if instance.contained and instance.contained.restart:
        return f"restart TabbyAPI: {instance.contained.restart[0]}"
    return "restart TabbyAPI the way it was started: it runs under no unit"


def refuse_container(instance: Instance, *paths: str | None) -> None:
    """Raises CannotFix for what is a container's alone: it goes with its image or volume.

    A file of a directory that is mounted into it is this machine's to change. One that is mounted
    by itself is left, too: a repair puts a new file in its place, and the mount keeps the old one.
    """
    box = instance.contained
    inside = not paths or any(path is None or box is None or _within(path, box) for path in paths)
    if instance.container and inside:
        raise CannotFix(
            f"TabbyAPI runs in the container {instance.container}: change its image or volume"
        )

    for path in paths:
        if box and path and any(one.outside == path for one in box.mounts or ()):
            raise CannotFix(
                f"{path} is mounted into {instance.container} by itself, and a new file in its "
                "place would not be seen there: edit it as it is",
                "\n".join((f"sudoedit {shlex.quote(path)}", *instance.restart)),
            )


def _within(path: str, box: Container) -> bool:
    return path.startswith(f"{box.root}/")
