"""Running checks: all at the same time, each with a time limit, a crash of one stopping none."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from tabbydoctor.diagnosis.check import Check
from tabbydoctor.diagnosis.finding import Finding, Severity
from tabbydoctor.diagnosis.hands import Hands
from tabbydoctor.diagnosis.report import CheckResult, Status
from tabbydoctor.facts import Absent, Facts, Unknown
from tabbydoctor.host import Host
from tabbydoctor.threads import in_thread

Pending = Callable[[Sequence[str]], None]

_BY_SEVERITY: dict[Severity, Status] = {
    Severity.ERROR: "failed",
    Severity.WARNING: "warning",
    Severity.INFO: "info",
}


async def run_checks(
    checks: Iterable[Check], facts: Facts, time_limit: float, pending: Pending | None = None
) -> tuple[CheckResult, ...]:
    """The results in the order of the checks.

    `time_limit` is in seconds and counts for each check, its facts included. `pending` is
    told now and then which checks are still awaited.
    """
    tasks = {check.id: asyncio.create_task(run_check(check, facts, time_limit)) for check in checks}
    while pending is not None:
        _, waiting = await asyncio.wait(tasks.values(), timeout=0.5) if tasks else (None, set())
        pending([id for id, task in tasks.items() if task in waiting])
        if not waiting:
            break
    results = tuple(await asyncio.gather(*tasks.values()))
    host = facts.known(Host)  # type: ignore[type-abstract]
    return results if host is None else await in_thread(lambda: _to_paste(results, host))


def _to_paste(results: Iterable[CheckResult], host: Host) -> tuple[CheckResult, ...]:
    """The results with commands that lend root's hands to nobody."""
    hands = Hands(host)
    return tuple(
        replace(result, findings=tuple(map(hands.finding, result.findings))) for result in results
    )


async def run_check(check: Check, facts: Facts, time_limit: float) -> CheckResult:
    """One check's outcome; never raises but for cancellation."""
    started = time.monotonic()
    try:
        async with asyncio.timeout(time_limit):
            arguments = await facts.arguments(check.judge)
            findings = await in_thread(lambda: list(check.judge(**arguments)))
    except Absent as reason:
        result = CheckResult(check, "skipped", str(reason))
    except Unknown as reason:
        result = CheckResult(check, "unknown", str(reason))
    except TimeoutError:
        result = CheckResult(check, "unknown", f"time limit ({time_limit:g} s)")
    except Exception as error:  # noqa: BLE001 - a crash is a result, the others go on
        result = CheckResult(check, "crashed", _crash(error))
    else:
        result = _judged(check, findings)
    return replace(result, duration_ms=round((time.monotonic() - started) * 1000))


def _judged(check: Check, found: Iterable[Finding]) -> CheckResult:
    findings = tuple(
        replace(finding, severity=finding.severity or check.severity) for finding in found
    )
    worst = worst_severity(findings)
    return CheckResult(check, _BY_SEVERITY[worst] if worst else "passed", None, findings)


def worst_severity(findings: Iterable[Finding]) -> Severity | None:
    """The gravest severity among findings; None without any."""
    found = {finding.severity for finding in findings}
    return next((severity for severity in Severity if severity in found), None)


def _crash(error: Exception) -> str:
    """Where and with what kind of error: enough for a bug report, and no values in it."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}: {error}{where}"
