"""What the doctor made of one case, and whether that was right."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Repair:
    """Of one `fix` and its `undo`; an empty text means that all went well."""

    problem: str = ""
    """Why it is not repaired and verified."""
    undo_problem: str = ""
    """Why it was not taken back to the byte."""


ACTS = "acts"
"""What is printed first would do something, and was not pasted yet."""


@dataclass(frozen=True)
class Outcome:
    """One row of the table."""

    kind: str
    """fault, pair, healthy."""
    name: str
    roots: tuple[str, ...]
    """What should be named."""
    named: tuple[str, ...] = ()
    """The roots that were named, in their order."""
    alarms: tuple[str, ...] = ()
    """Errors and warnings that should not be there."""
    shown: frozenset[str] = frozenset()
    """Every id with a finding of any severity."""
    remark: bool = False
    """The root is only worth a remark."""
    exit_code: int | None = None
    problem: str = ""
    """What must never happen: a crash, a secret shown, no answer at all."""
    evidence: Mapping[str, bool] = field(default_factory=dict)
    """What is shown for the roots, and whether it is so, read again without the doctor."""
    pasted: str = ""
    """What came of pasting what is printed first (`Grade` of `pasted`); empty: nothing to paste."""
    repair: Repair | None = None
    seconds: float = 0.0
    told: str = ""
    """What the doctor said, in words."""

    @property
    def first(self) -> bool:
        """The root was named first; of a pair both were named, before anything else."""
        if self.remark:
            return not self.named and set(self.roots) <= self.shown
        return set(self.named[: len(self.roots)]) == set(self.roots)

    @property
    def diagnosed(self) -> bool:
        """Everything that should be named is, nothing else is, and nothing went wrong."""
        told = self.first and not self.alarms and not self.problem
        return told and self.evidence_true is not False

    @property
    def evidence_true(self) -> bool | None:
        """All of it is so; None where none could be read again."""
        return all(self.evidence.values()) if self.evidence else None

    @property
    def right(self) -> bool:
        """Diagnosed, and repaired and taken back where it should be."""
        repaired = self.repair is None or self.repair == Repair()
        return self.diagnosed and repaired

    def line(self) -> str:
        """The outcome in one line."""
        word = "ok  " if self.right else "MISS"
        return f"{word} {self.seconds:5.1f} s  {self.kind:8}{self.name}"

    def why(self) -> str:
        """What went wrong, and what the doctor said."""
        parts = [
            f"expected {self.roots}, named {self.named}, alarms {self.alarms}, {self.problem}",
            *(f"false: {piece}" for piece, so in self.evidence.items() if not so),
            *([f"repair: {self.repair}"] if self.repair else []),
            self.told,
        ]
        return "\n".join(parts)


def faults_in(document: dict[str, Any]) -> set[str]:
    """The ids with an error or a warning."""
    return {check["id"] for check in document["checks"] if check["status"] in ("failed", "warning")}


def shown_in(document: dict[str, Any]) -> set[str]:
    """The ids with a finding, remarks included."""
    return {check["id"] for check in document["checks"] if check["findings"]}


def broken_checks(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Crashed checks with their reasons: there must never be any."""
    crashed = [check for check in document["checks"] if check["status"] == "crashed"]
    return [(check["id"], check["reason"]) for check in crashed]


def told(document: dict[str, Any], expected: Collection[str] = ()) -> str:
    """What the doctor said, short: the roots, every finding's title, and why a check that was
    `expected` to find something did not."""
    roots = [f"{root['root']} explains {root['explains']}" for root in document["diagnosis"]]
    findings = [
        f"{one['id']} {one['severity']} {one['title']} <- {one['caused_by']}"
        for check in document["checks"]
        for one in check["findings"]
    ]
    silent = [
        f"{check['id']} {check['status']}: {check['reason']}"
        for check in document["checks"]
        if check["id"] in expected and not check["findings"]
    ]
    return "\n".join(["", *roots, "", *findings, *silent])
