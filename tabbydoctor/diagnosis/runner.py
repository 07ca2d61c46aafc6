"""Running checks: all at once, each and the whole with a time limit, a crash stopping none."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence

from tabbydoctor.diagnosis.check import Check
from tabbydoctor.diagnosis.finding import Finding, Severity
from tabbydoctor.diagnosis.hands import Hands, Words, without_commands
from tabbydoctor.diagnosis.report import CheckResult, Status
from tabbydoctor.facts import Absent, Facts, Unknown, incomplete, loaded, needed
from tabbydoctor.host import Host
from tabbydoctor.records import replace
from tabbydoctor.threads import in_thread

Pending = Callable[[Sequence[str]], None]

_BY_SEVERITY: dict[Severity, Status] = {
    Severity.ERROR: "failed",
    Severity.WARNING: "warning",
    Severity.INFO: "info",
}


WHOLE_RUN = 3
"""How many times the limit of one check all of them may take, with the facts they share."""


async def run_checks(
    checks: Iterable[Check],
    facts: Facts,
    time_limit: float,
    pending: Pending | None = None,
    until: float | None = None,
) -> tuple[CheckResult, ...]:
    """The results in the order of the checks.

    `time_limit` is in seconds and counts for each check's own work; what it waits for, other
    checks may wait for too, and is bounded by the end of the whole run: `until`, by the loop's
    clock. `pending` is told now and then which checks are still awaited.
    """
    if until is None:
        until = asyncio.get_running_loop().time() + WHOLE_RUN * time_limit
    tasks = {
        check.id: asyncio.create_task(run_check(check, facts, time_limit, until))
        for check in checks
    }
    while pending is not None:
        _, waiting = await asyncio.wait(tasks.values(), timeout=0.5) if tasks else (None, set())
        pending([id for id, task in tasks.items() if task in waiting])
        if not waiting:
            break
    results = tuple(await asyncio.gather(*tasks.values()))
    host = facts.known(Host)  # type: ignore[type-abstract]
    words = facts.known(Words)
    by_word = words.of() if words else {}
    return results if host is None else await _to_paste(results, Hands(host, by_word), time_limit)


async def _to_paste(
    results: Iterable[CheckResult], hands: Hands, time_limit: float
) -> tuple[CheckResult, ...]:
    """The results with commands that lend root's hands to nobody; without any, where a file
    system does not answer whose they would be."""
    try:
        async with asyncio.timeout(time_limit):
            return await in_thread(lambda: _told(results, hands.finding))
    except TimeoutError:
        return _told(results, without_commands)


def _told(
    results: Iterable[CheckResult], say: Callable[[Finding], Finding]
) -> tuple[CheckResult, ...]:
    return tuple(replace(result, findings=tuple(map(say, result.findings))) for result in results)


async def run_check(check: Check, facts: Facts, time_limit: float, until: float) -> CheckResult:
    """One check's outcome; never raises but for cancellation."""
    started = time.monotonic()
    late = f"time limit of the whole run ({WHOLE_RUN * time_limit:g} s)"
    try:
        async with asyncio.timeout_at(until):
            arguments = await facts.arguments(check.judge)
            late, judge = f"time limit ({time_limit:g} s)", loaded(check.judge)
            async with asyncio.timeout(time_limit):
                findings = await in_thread(lambda: list(judge(**arguments)))
    except Absent as reason:
        result = CheckResult(check, "skipped", str(reason))
    except Unknown as reason:
        result = CheckResult(check, "unknown", str(reason))
    except TimeoutError:
        result = CheckResult(check, "unknown", late)
    except Exception as error:  # noqa: BLE001 - a crash is a result, the others go on
        result = CheckResult(check, "crashed", _crash(error))
    else:
        result = _judged(check, findings, _left_out(check, arguments))
    return replace(result, duration_ms=round((time.monotonic() - started) * 1000))


def _left_out(check: Check, arguments: Mapping[str, object]) -> str:
    """What kept a fact that the check needs from being whole."""
    required = [name for name, (_, optional) in needed(check.judge).items() if not optional]
    return next((why for name in required if (why := incomplete(arguments[name]))), "")


def _judged(check: Check, found: Iterable[Finding], left_out: str) -> CheckResult:
    """A finding stands where it was come to; without one all must have been looked at."""
    findings = tuple(
        replace(finding, severity=finding.severity or check.severity) for finding in found
    )
    worst = worst_severity(findings)
    if worst is None and left_out:
        return CheckResult(check, "unknown", left_out)
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
