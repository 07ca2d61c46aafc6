"""What a run of `check` comes to: everything a reporter shows, computed before any of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from tabbydoctor.diagnosis.check import Check
from tabbydoctor.diagnosis.finding import Finding
from tabbydoctor.records import dataclass, field

Status = Literal["passed", "failed", "warning", "info", "skipped", "unknown", "crashed"]
FailOn = Literal["error", "warning", "unknown"]
"""From where on the exit code is 1; each includes those before it."""
STATUSES: tuple[Status, ...] = (
    "passed",
    "failed",
    "warning",
    "info",
    "skipped",
    "unknown",
    "crashed",
)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check. Its findings have severity and causes filled in."""

    check: Check
    status: Status
    reason: str | None = None
    """Why skipped, unknown or crashed."""
    findings: tuple[Finding, ...] = ()
    duration_ms: int = 0


@dataclass(frozen=True, slots=True)
class Root:
    """A root cause and the ids it explains."""

    id: str
    explains: tuple[str, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class Report:
    """One run."""

    version: str
    started_at: str
    """RFC 3339."""
    duration_ms: int
    deployment: Mapping[str, Any]
    """As in the machine output."""
    results: tuple[CheckResult, ...]
    roots: tuple[Root, ...]
    exit_code: int
    catalogue: int = 0
    """How many checks there are; more than `results` where only some were asked for."""
    notes: tuple[str, ...] = field(default=())
    """What was found or not found on the way, for people."""

    host: str = ""
    """The name of the machine; empty where it has none."""
    fail_on: FailOn = "error"
    """What was asked to count for the exit code."""

    @property
    def selected(self) -> bool:
        """Whether only some of the checks were asked for."""
        return self.catalogue > len(self.results)

    @property
    def summary(self) -> dict[Status, int]:
        """How many checks ended how."""
        return {
            status: sum(result.status == status for result in self.results) for status in STATUSES
        }
