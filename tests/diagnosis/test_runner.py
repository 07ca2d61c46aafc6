"""Running checks: outcomes, time limits, crashes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tabbydoctor.api import Absent, Check, Finding, Severity, Unknown, check
from tabbydoctor.diagnosis.report import CheckResult, FailOn
from tabbydoctor.diagnosis.runner import run_checks
from tabbydoctor.diagnosis.selection import UnknownSelection, select
from tabbydoctor.diagnosis.verdict import exit_code
from tabbydoctor.facts import Facts


@dataclass(frozen=True)
class Number:
    value: int


@check("NUM001", "number-negative", category="config")
def negative(number: Number) -> Iterator[Finding]:
    """Fires below zero."""
    if number.value < 0:
        yield Finding("below zero")


@check("NUM002", "number-odd", category="tokens", severity=Severity.WARNING)
def odd(number: Number) -> Iterator[Finding]:
    """Fires on odd numbers."""
    if number.value % 2:
        yield Finding("odd")


@check("NUM003", "number-crash", category="config")
def crash(number: Number) -> Iterator[Finding]:
    """Cannot judge at all."""
    yield Finding(str(1 // 0))


@check("NUM004", "number-shy", category="config")
def shy(number: Number) -> Iterator[Finding]:
    """Says it does not apply, or that it cannot tell."""
    if number.value == 0:
        raise Absent("nothing there")
    raise Unknown("run as root")
    yield


_forever = threading.Event()


@check("NUM005", "number-slow", category="config")
def slow(number: Number) -> Iterator[Finding]:
    """Never ends."""
    _forever.wait()
    yield Finding("too late")


def run(*checks: Check, number: int = 0, limit: float = 5.0) -> dict[str, CheckResult]:
    async def body() -> tuple[CheckResult, ...]:
        return await run_checks(checks, Facts([Number(number)], []), limit)

    return {result.check.id: result for result in asyncio.run(body())}


def test_outcomes() -> None:
    found = run(negative, odd, number=-3)
    assert found["NUM001"].status == "failed"
    assert found["NUM002"].status == "warning"
    assert found["NUM002"].findings[0].severity == Severity.WARNING
    assert run(negative, number=2)["NUM001"].status == "passed"


def test_a_crash_is_a_result_and_the_others_go_on() -> None:
    found = run(crash, negative, number=-1)
    assert found["NUM003"].status == "crashed"
    assert "ZeroDivisionError" in (found["NUM003"].reason or "")
    assert found["NUM001"].status == "failed"


def test_skipped_and_unknown_say_why() -> None:
    assert (run(shy)["NUM004"].status, run(shy)["NUM004"].reason) == ("skipped", "nothing there")
    assert run(shy, number=1)["NUM004"].reason == "run as root"


def test_past_its_time_limit_a_check_is_unknown_and_holds_up_nobody() -> None:
    found = run(slow, negative, number=-1, limit=0.05)
    assert (found["NUM005"].status, found["NUM001"].status) == ("unknown", "failed")
    assert "time limit" in (found["NUM005"].reason or "")


def test_the_page_is_the_docstring() -> None:
    assert negative.page == "Fires below zero."


@pytest.mark.parametrize(
    ("number", "level", "code"),
    [
        (-2, "error", 1),
        (1, "error", 0),
        (1, "warning", 1),
        (2, "warning", 0),
        (2, "unknown", 1),
    ],
)
def test_exit_code(number: int, level: FailOn, code: int) -> None:
    checks = (negative, odd, shy)
    assert exit_code(run(*checks, number=number).values(), level) == code


def test_selection() -> None:
    checks = (negative, odd, crash)
    assert [one.id for one in select(checks, "NUM001,tokens", None)] == ["NUM001", "NUM002"]
    assert [one.id for one in select(checks, "num", "NUM003")] == ["NUM001", "NUM002"]
    assert select(checks, "gpu", None) == ()
    with pytest.raises(UnknownSelection, match="NOPE"):
        select(checks, None, "NOPE")


@dataclass(frozen=True)
class Reading:
    """A fact that was not gathered to its end."""

    found: int = 0
    incomplete: str = "router.py was not read to its end"


@check("NUM006", "number-read", category="router")
def read_through(reading: Reading) -> Iterator[Finding]:
    """Fires on what was found."""
    if reading.found:
        yield Finding("found")


@check("NUM007", "number-beside", category="config")
def beside(number: Number, reading: Reading | None) -> Iterator[Finding]:
    """Can do without the reading."""
    if number.value < 0:
        yield Finding("below zero")


def judged(facts: Facts, *checks: Check, limit: float) -> dict[str, CheckResult]:
    async def body() -> tuple[CheckResult, ...]:
        return await run_checks(checks, facts, limit)

    return {result.check.id: result for result in asyncio.run(body())}


def test_only_a_reading_that_came_to_its_end_is_passed() -> None:
    found = judged(Facts([Number(1), Reading()], []), read_through, beside, limit=5)
    assert (found["NUM006"].status, found["NUM007"].status) == ("unknown", "passed")
    assert found["NUM006"].reason == Reading.incomplete
    found = judged(Facts([Number(1), Reading(1)], []), read_through, limit=5)
    assert found["NUM006"].status == "failed"
    found = judged(Facts([Number(1), Reading(0, "")], []), read_through, limit=5)
    assert found["NUM006"].status == "passed"


def test_what_several_checks_wait_for_is_no_part_of_their_own_time() -> None:
    started = threading.Event()

    def slow_reading() -> Reading:
        started.wait(0.4)  # longer than one check may take, shorter than the run
        return Reading(1)

    found = judged(Facts([], [slow_reading]), read_through, limit=0.2)
    assert found["NUM006"].status == "failed"


def test_a_fact_that_never_comes_ends_with_the_run() -> None:
    def stuck() -> Reading:
        _forever.wait()
        return Reading()

    found = judged(Facts([Number(-1)], [stuck], patience=0.1), read_through, beside, limit=0.1)
    assert found["NUM006"].status == "unknown"
    assert "whole run (0.3 s)" in (found["NUM006"].reason or "")
    assert found["NUM007"].status == "failed"


@pytest.mark.parametrize("fault", [MemoryError, RecursionError, KeyError, OSError])
def test_who_does_not_need_what_crashed_is_judged(fault: type[Exception]) -> None:
    def broken() -> Reading:
        raise fault("of the reader")

    found = judged(Facts([Number(-1)], [broken]), read_through, beside, limit=5)
    assert (found["NUM006"].status, found["NUM007"].status) == ("crashed", "failed")


def test_nothing_judged_is_no_success() -> None:
    assert exit_code(run(shy).values(), "error") == 2
    assert exit_code(run(crash, shy).values(), "error") == 2
    assert exit_code(run(crash, negative, number=1).values(), "error") == 0
    assert exit_code([], "error") == 0
