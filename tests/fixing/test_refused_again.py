"""Where requests are still refused after what reading found: every client is given the key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from tabbydoctor.fixing.run import Fix
from tabbydoctor.remedies.outcome import (
    FixResult,
    Prepared,
    Proof,
    RefusedRemedy,
    SeenAnswer,
    Witness,
)
from tabbydoctor.remedies.request import FixRequest
from tabbydoctor.repair.changes import Plan, Restart
from tabbydoctor.repair.outcome import Change
from tabbydoctor.repair.record import Stage
from tabbydoctor.targets import Targets

NOTHING = Prepared(Plan(""))
SOMETHING = Prepared(Plan("", (), (Restart("llm-router.service", None),)))
REFUSED = Proof(None, after=Witness(request=SeenAnswer(401, "TabbyAPI", "Invalid API key")))
ITS_OWN = Proof(None, after=Witness(request=SeenAnswer(401, "the router itself", "who are you?")))
AUTH = FixRequest(auth=True)


def fixed(
    monkeypatch: pytest.MonkeyPatch, request: FixRequest, *results: FixResult
) -> tuple[FixResult, list[bool]]:
    """What comes of it, and whether every client was to be wired, for each time it was tried."""
    left, tried = [*results], []

    def attempt(fix: Fix) -> FixResult:
        tried.append(fix.request.throughout)
        return left.pop(0)

    monkeypatch.setattr(Fix, "_run", attempt)
    nothing = cast("Any", None)
    return Fix(nothing, Targets(), request, nothing, nothing, nothing).run(), tried


def test_what_reading_does_not_find_is_wired_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    first, more = FixResult(NOTHING, 1, proof=REFUSED), FixResult(SOMETHING, 0)
    assert fixed(monkeypatch, AUTH, first, more) == (more, [False, True])


def test_what_was_taken_back_is_tried_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    change = Change("1", "2026-01-01T00:00:00Z", Stage.ROLLED_BACK, "wire")
    first = FixResult(SOMETHING, 3, change, REFUSED)
    more = FixResult(SOMETHING, 0)
    assert fixed(monkeypatch, AUTH, first, more) == (more, [False, True])


def test_where_nothing_more_can_be_wired_the_first_answer_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, more = FixResult(NOTHING, 1, proof=REFUSED), FixResult(NOTHING, 1)
    assert fixed(monkeypatch, AUTH, first, more) == (first, [False, True])


@pytest.mark.parametrize(
    ("request_", "result"),
    [
        (AUTH, FixResult(NOTHING, 1, proof=ITS_OWN)),
        (AUTH, FixResult(NOTHING, 0)),
        (AUTH, FixResult(NOTHING, 1, declined=True, proof=REFUSED)),
        (
            AUTH,
            FixResult(
                replace(NOTHING, refusals=(RefusedRemedy("RTR001", "no"),)), 1, proof=REFUSED
            ),
        ),
        (replace(AUTH, restart=False), FixResult(NOTHING, 1, proof=REFUSED)),
        (
            replace(AUTH, strategy="disable-auth"),
            FixResult(NOTHING, 1, proof=REFUSED),
        ),
    ],
    ids=["not TabbyAPI's", "all is well", "declined", "refused", "no restart", "no key"],
)
def test_once_is_enough(
    monkeypatch: pytest.MonkeyPatch, request_: FixRequest, result: FixResult
) -> None:
    assert fixed(monkeypatch, request_, result) == (result, [False])
