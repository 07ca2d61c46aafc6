"""One set of bindings, and the way back: what a branch changed is taken back, and then joined.

Every write is noted on a trail. So no copy of the bindings is made for a branch: its writes are
undone, the other branch runs, and both are laid together, each under its guard.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tabbydoctor.records import dataclass, field
from tabbydoctor.source.guards import ALWAYS, Guard, both
from tabbydoctor.source.values import MANY, Dict, Holder, List, Value, Values

MOST_VALUES = 16
"""Alternatives of one name."""
_ABSENT: Values = ()

Cell = tuple[int, Any]
Changes = dict[Cell, tuple[Holder, Any, Values]]
WHOLE = object()
"""In place of a key: all that something holds."""
FoundCells = dict[Cell, tuple[Holder, Any, Any]]
"""Names, attributes and containers -> what they held when they were asked for first."""


@dataclass(slots=True)
class Arm:
    """What one branch did, and whether the code goes on behind it."""

    guard: Guard
    changes: Changes
    flows: bool = True
    """Whether what it changed in the names of the running call is seen behind it."""


@dataclass(slots=True)
class Memory:
    """Writes to holders, each with what stood there before."""

    trail: list[tuple[Holder, Any, Values | None]] = field(default_factory=list)
    since: int = 0
    """The serial from which on what is made is of the function that is being followed."""
    found: FoundCells = field(default_factory=dict)
    """What that function found in what was there before."""

    def enter(self, serial: int) -> tuple[int, FoundCells]:
        """Follow another function, which makes what has this serial or a higher one."""
        outer = self.since, self.found
        self.since, self.found = serial, {}
        return outer

    def leave(self, outer: tuple[int, FoundCells]) -> FoundCells:
        """End with it, and tell what it found."""
        found = self.found
        self.since, self.found = outer
        return found

    def look(self, holder: Holder, key: Any) -> None:
        """Note that a name or an attribute is asked for."""
        if holder.serial < self.since and (cell := (id(holder), key)) not in self.found:
            self.found[cell] = (holder, key, holder.slots.get(key, _ABSENT))

    def look_through(self, holder: Holder) -> None:
        """Note that something is asked for whatever it holds."""
        if holder.serial < self.since and (cell := (id(holder), WHOLE)) not in self.found:
            self.found[cell] = (holder, WHOLE, dict(holder.slots))

    def find(self, found: FoundCells) -> None:
        """Note what a function found that was followed before."""
        for cell, each in found.items():
            if each[0].serial < self.since and cell not in self.found:
                self.found[cell] = each

    @staticmethod
    def holds(found: FoundCells) -> bool:
        """Whether all of it is still as it was found."""
        for holder, key, values in found.values():
            now = holder.slots if key is WHOLE else holder.slots.get(key, _ABSENT)
            if now is not values and now != values:
                return False
        return True

    def write(self, holder: Holder, key: Any, values: Values) -> None:
        """Let a name, a key or an attribute have some values."""
        before = holder.slots.get(key)
        self.trail.append((holder, key, before))
        holder.slots[key] = values

    def undo(self, mark: int) -> Changes:
        """Take back what was written since a length of the trail, and tell what that was."""
        changes: Changes = {}
        trail = self.trail
        for index in range(len(trail) - 1, mark - 1, -1):
            holder, key, before = trail[index]
            cell = (id(holder), key)
            if cell not in changes:
                changes[cell] = (holder, key, holder.slots.get(key, _ABSENT))
        for index in range(len(trail) - 1, mark - 1, -1):
            holder, key, before = trail[index]
            if before is None:
                holder.slots.pop(key, None)
            else:
                holder.slots[key] = before
        del trail[mark:]
        return dict(reversed(changes.items()))

    def join(self, arms: Sequence[Arm], local: Holder) -> None:
        """Lay branches together. `local`: the names of the running call, of which what a branch
        that does not go on behind them did is not seen.
        """
        cells: dict[Cell, tuple[Holder, Any]] = {}
        for arm in arms:
            for cell, (holder, key, _) in arm.changes.items():
                if arm.flows or holder is not local:
                    cells[cell] = (holder, key)
        for cell, (holder, key) in cells.items():
            self.look(holder, key)
            before = holder.slots.get(key, _ABSENT)
            told = [
                (arm.guard, arm.changes[cell][2] if cell in arm.changes else before)
                for arm in arms
                if arm.flows or (holder is not local and cell in arm.changes)
            ]
            self.write(holder, key, joined(told))

    def join_weakly(self, changes: Changes) -> bool:
        """Let what code did that may have run at any time before stand beside what there was.

        Tells whether that is anything new.
        """
        fresh = False
        for holder, key, after in changes.values():
            before = holder.slots.get(key, _ABSENT)
            both_of = trimmed((*before, *_unlike(after, before)))
            if both_of != before:
                fresh = True
                holder.slots[key] = both_of
        return fresh


def _unlike(after: Values, before: Values) -> Values:
    """The values but those that hold the same as one that was there before."""
    held = [value.slots for _, value in before if isinstance(value, List | Dict)]
    return tuple(
        each for each in after if not (isinstance(each[1], List | Dict) and each[1].slots in held)
    )


def restricted(values: Values, guard: Guard) -> Values:
    """Those of the values that may stand where a guard holds, each under it."""
    if not guard:
        return values
    return tuple((q, value) for g, value in values if (q := both(g, guard)) is not None)


def joined(told: Sequence[tuple[Guard, Values]]) -> Values:
    """The values of branches under their guards; what is the same in all needs none of them."""
    one = told[0][1]
    if all(values is one or values == one for _, values in told):
        return one
    found: list[tuple[Guard, Value]] = []
    everywhere = set(one)
    for _, values in told[1:]:
        everywhere &= set(values)
    for guard, values in told:
        for each in values:
            if each in everywhere:
                found.append(each)
            elif (under := both(each[0], guard)) is not None:
                found.append((under, each[1]))
    return trimmed(found)


def trimmed(values: Iterable[tuple[Guard, Value]]) -> Values:
    """Each alternative once, what holds under less told by what holds under more."""
    found = tuple(dict.fromkeys(values))
    if len(found) > 1 and len({value for _, value in found}) < len(found):
        least: dict[Value, Guard] = {}
        for guard, value in found:
            if value not in least or guard < least[value]:
                least[value] = guard
        found = tuple(each for each in found if not (least[each[1]] < each[0]))
    if len(found) > MOST_VALUES:
        return (*found[: MOST_VALUES - 1], (ALWAYS, MANY))
    return found
