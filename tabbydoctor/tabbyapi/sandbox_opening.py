"""What a drop-in has to say so that a unit's sandbox leaves TabbyAPI what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.sandbox import Rule, assignments, lifted, outermost
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.sandbox_needs import harms


@dataclass(frozen=True, slots=True)
class Opening:
    """What a drop-in can do, and what it cannot."""

    settings: tuple[tuple[str, str], ...]
    """Lines of `[Service]` in their order; an empty value empties a list (systemd.exec(5))."""
    left: Mapping[Rule, tuple[str, ...]]
    """Rules that only a person can lift, and the paths they take away."""


def opening(
    instance: Instance, unit: Unit, config: EffectiveConfig | None, name: str | None = None
) -> Opening:
    """What undoes the harm of the unit's sandbox, or only that of the setting `name`.

    Behind a rule that is lifted another may show: the unit is judged anew after each step.
    """
    of_others = _paths_of_others(instance, unit, config, name)
    left: dict[Rule, tuple[str, ...]] = {}
    after = unit
    while step := _next(instance, after, config, {*left}, of_others):
        rule, paths = step
        better = lifted(after, rule, paths)
        if better is None or better == after:
            left[rule] = paths
        after = better or after
    return Opening(tuple(assignments(unit, after)), left)


def _next(
    instance: Instance, unit: Unit, config: EffectiveConfig | None,
    done: set[Rule], of_others: set[str],
) -> tuple[Rule, tuple[str, ...]] | None:  # fmt: skip
    for rule, found in harms(instance, unit, config).items():
        paths = outermost(harm.path for harm in found if harm.path not in of_others)
        if paths and rule not in done:
            return rule, paths
    return None


def _paths_of_others(
    instance: Instance, unit: Unit, config: EffectiveConfig | None, name: str | None
) -> set[str]:
    if name is None:
        return set()
    own: set[str] = set()
    others: set[str] = set()
    for rule, found in harms(instance, unit, config).items():
        (own if rule.name == name else others).update(harm.path for harm in found)
    return others - own
