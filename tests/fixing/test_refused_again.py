"""Where requests are still refused after what reading found: every client is given the key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from tabbydoctor.fixing import run
from tabbydoctor.fixing.request import FixRequest, FixResult, Prepared, Proof, Refusal
from tabbydoctor.fixing.witness import Seen, Witness
from tabbydoctor.remedies.draft import Draft
from tabbydoctor.remedies.options import FixOptions
from tabbydoctor.repair.changes import Plan, Restart
from tabbydoctor.repair.outcome import Change
from tabbydoctor.repair.record import Stage
from tabbydoctor.targets import Targets

NOTHING = Prepared(Draft(), Plan(""))
SOMETHING = Prepared(Draft(), Plan("", (), (Restart("llm-router.service", None),)))
REFUSED = Proof(None, after=Witness(request=Seen(401, "TabbyAPI", "Invalid API key")))
ITS_OWN = Proof(None, after=Witness(request=Seen(401, "the router itself", "who are you?")))
AUTH = FixRequest(auth=True)


def fixed(
    monkeypatch: pytest.MonkeyPatch, request: FixRequest, *results: FixResult
) -> tuple[FixResult, list[bool]]:
    """What comes of it, and whether every client was to be wired, for each time it was tried."""
    left, tried = [*results], []

    def attempt(host: Any, targets: Any, request: FixRequest, *rest: Any) -> FixResult:
        tried.append(request.options.throughout)
        return left.pop(0)

    monkeypatch.setattr(run, "_fix", attempt)
    nothing = cast("Any", None)
    return run.fix(nothing, Targets(), request, nothing, nothing, nothing), tried


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
        (AUTH, FixResult(replace(NOTHING, refusals=(Refusal("RTR001", "no"),)), 1, proof=REFUSED)),
        (replace(AUTH, restart=False), FixResult(NOTHING, 1, proof=REFUSED)),
        (
            replace(AUTH, options=FixOptions("disable-auth")),
            FixResult(NOTHING, 1, proof=REFUSED),
        ),
    ],
    ids=["not TabbyAPI's", "all is well", "declined", "refused", "no restart", "no key"],
)
def test_once_is_enough(
    monkeypatch: pytest.MonkeyPatch, request_: FixRequest, result: FixResult
) -> None:
    assert fixed(monkeypatch, request_, result) == (result, [False])
