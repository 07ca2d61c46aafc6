"""What a drop-in has to say so that a unit's sandbox leaves TabbyAPI what it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tabbydoctor.deployment.drop_ins import DropIn
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.sandbox import Rule, assignments, lifted, outermost
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.sandbox_needs import OTHER_CACHE, Harm, harms

Harms = Mapping[Rule, tuple[Harm, ...]]


@dataclass(frozen=True, slots=True)
class Opening:
    """What a drop-in can do, and what it cannot."""

    settings: tuple[tuple[str, str], ...]
    """Lines of `[Service]` in their order; an empty value empties a list (systemd.exec(5))."""
    left: Harms
    """What only a person can undo."""


def opening(
    instance: Instance,
    unit: Unit,
    config: EffectiveConfig | None,
    name: str | None = None,
    *,
    cache_exists: bool = False,
) -> Opening:
    """What undoes the harm of the unit's sandbox, or only that of the setting `name`.

    Behind a rule that is lifted another may show: the unit is judged anew after each step, and
    each rule is tried once for a path. Triton's cache is opened only where it is known to exist:
    systemd passes over what does not.
    """
    found = harms(instance, unit, config)
    of_others = _paths_of_others(found, name)
    before = left = _of(found, of_others)
    after = unit
    tried: set[tuple[Rule, str]] = set()
    while step := _next(left, tried, cache_exists):
        rule, paths = step
        tried |= {(rule, path) for path in paths}
        after = lifted(after, rule, paths) or after
        left = _of(harms(instance, after, config), of_others)
    if _paths(before) <= _paths(left):  # what helps nobody is not to be opened
        return Opening((), before)
    return Opening(tuple(assignments(unit, after)), left)


def in_drop_in(unit: Unit, settings: Iterable[tuple[str, str]]) -> DropIn:
    """The drop-in that says it."""
    return DropIn(unit, "sandbox", tuple(settings))


def by_hand(rule: Rule, found: Iterable[Harm]) -> str:
    """What a person is to do of it, in words."""
    given = tuple(found)
    lift = () if all(harm.cache for harm in given) else (f"lift {rule.setting} by hand",)
    cache = (OTHER_CACHE,) if any(harm.cache for harm in given) else ()
    return " and ".join((*lift, *cache))


def _next(
    left: Harms, tried: set[tuple[Rule, str]], cache_exists: bool
) -> tuple[Rule, tuple[str, ...]] | None:
    for rule, found in left.items():
        openable = (harm.path for harm in found if cache_exists or not harm.cache)
        paths = tuple(path for path in outermost(openable) if (rule, path) not in tried)
        if paths:
            return rule, paths
    return None


def _of(found: Mapping[Rule, list[Harm]], of_others: set[str]) -> Harms:
    """The harm but for that of others, which stays."""
    own = {
        rule: tuple(harm for harm in all_of_it if harm.path not in of_others)
        for rule, all_of_it in found.items()
    }
    return {rule: its for rule, its in own.items() if its}


def _paths(found: Harms) -> set[str]:
    return {harm.path for its in found.values() for harm in its}


def _paths_of_others(found: Mapping[Rule, list[Harm]], name: str | None) -> set[str]:
    if name is None:
        return set()
    own: set[str] = set()
    others: set[str] = set()
    for rule, its in found.items():
        (own if rule.name == name else others).update(harm.path for harm in its)
    return others - own
