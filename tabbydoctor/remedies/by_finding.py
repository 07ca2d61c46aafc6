"""Which remedy answers which finding: one visible table for `fix ID…` and `fix --all-safe`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tabbydoctor.diagnosis.finding import Safety
from tabbydoctor.remedies import config_keys, files, groups, router_key, secrets, units

Planner = Callable[..., Any]
"""Takes the draft and the facts it names; plans its part, or raises CannotFix."""


@dataclass(frozen=True, slots=True)
class FindingRemedy:
    """How a finding is repaired, and whether that may be done unattended."""

    plan: Planner
    safety: Safety


def _auth() -> FindingRemedy:
    return FindingRemedy(router_key.plan_router_key, Safety.SAFE)


REMEDIES: Mapping[str, FindingRemedy] = {
    "RTR001": _auth(),
    "RTR002": _auth(),
    "RTR003": _auth(),
    "RTR004": _auth(),
    "RTR005": _auth(),
    "RTR007": _auth(),
    "RTR009": _auth(),
    "RTR011": _auth(),
    "RTR015": FindingRemedy(router_key.restart_stale, Safety.SAFE),
    "RTR017": _auth(),
    "CFG003": FindingRemedy(config_keys.rename_keys, Safety.UNSAFE),
    "CFG004": FindingRemedy(config_keys.remove_auth_section, Safety.SAFE),
    "TOK004": FindingRemedy(files.close_tokens, Safety.SAFE),
    "TOK005": FindingRemedy(files.place_tokens, Safety.SAFE),
    "TOK007": FindingRemedy(files.own_tokens, Safety.SAFE),
    "SVC005": FindingRemedy(units.reload, Safety.SAFE),
    "SVC008": FindingRemedy(secrets.move_secrets, Safety.SAFE),
    "SVC010": FindingRemedy(units.restart, Safety.UNSAFE),
    "SVC012": FindingRemedy(units.lift_sandbox, Safety.UNSAFE),
    "GRP001": FindingRemedy(groups.join_groups, Safety.UNSAFE),
    "GRP002": FindingRemedy(groups.take_groups_on, Safety.UNSAFE),
    "GRP003": FindingRemedy(groups.show_devices, Safety.UNSAFE),
}
"""By id, in the order of nearness to the request. TOK009 is not here: TabbyAPI writes to its log
all the time, and a file put in the place of an open one loses what is written from then on."""
