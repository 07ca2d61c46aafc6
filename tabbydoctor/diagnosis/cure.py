"""A cure: what repairs a finding, how safe that is, and how it is offered."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from typing import Any, cast

from tabbydoctor.diagnosis.finding import Finding, Remedy, Safety
from tabbydoctor.invocation import invocation
from tabbydoctor.records import dataclass, replace

Planner = Callable[..., Any]
"""Takes the draft and the facts it names; plans its part, or raises CannotFix."""

CURE = Remedy("by the doctor")
"""Stands among a finding's remedies for what its check's cure offers (see `Cure.remedy`)."""

_AND_BACK = "Or let tabbydoctor do it: it shows its plan first, and can take it back"
_AND_SEES = "Or let tabbydoctor do it: it shows its plan first, and sees whether it helped"


@dataclass(frozen=True, slots=True)
class Cure:
    """How `tabbydoctor fix` repairs what a check finds, declared once, with the check.

    `plan` is the planner, or its name as `package.module:function`: so a check costs nothing of
    what only a repair needs. `safety` tells whether it may be done unattended (`--all-safe`).
    """

    plan: Planner | str
    safety: Safety
    undoable: bool = True
    """A mere restart leaves nothing to take back."""
    title: str = ""
    """What it does, where the offer stands alone."""
    command: str = ""
    """What is run, where that is not `fix ID`."""
    in_part: bool = False
    """The check fires, too, for what this does not mend: the remedies of its finding tell."""

    @property
    def planner(self) -> Planner:
        """The function that plans it."""
        found = pkgutil.resolve_name(self.plan) if isinstance(self.plan, str) else self.plan
        return cast(Planner, found)

    def remedy(self, id: str, *, root: bool = True) -> Remedy:
        """The offer, as a finding of the check `id` shows it; `root`: whether it takes root."""
        title = self.title or (_AND_BACK if self.undoable else _AND_SEES)
        command = invocation(self.command or f"fix {id}", root=root)
        return Remedy(title, self.safety, (command,))


def offered(finding: Finding, id: str, cure: Cure | None) -> Finding:
    """The finding with its check's cure in the place of `CURE`.

    Raises LookupError where a check offers a cure that it does not declare.
    """
    if CURE not in finding.remedies:
        return finding
    if cure is None:
        raise LookupError(f"{id} offers a cure, and declares none")
    remedies = (cure.remedy(id) if one is CURE else one for one in finding.remedies)
    return replace(finding, remedies=tuple(remedies))
