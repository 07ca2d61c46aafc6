"""Reading Python routers: every shape, line by line."""

from __future__ import annotations

import pytest

from tabbydoctor.routers import python
from tests.routers.cases import CASES, FILES, TABBY_URLS, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_reading_finds_every_call_and_its_key(case: Case) -> None:
    reading = python.read(f"/opt/{case.name}.py", case.text, TABBY_URLS, files=FILES)
    assert bool(reading.problem) is not case.parses
    found = {
        purpose: {call.line: call.sends_key for call in reading.calls if call.purpose == purpose}
        for purpose in ("probe", "forward", "other")
    }
    assert found == {"probe": case.probes, "forward": case.forwards, "other": {}}
    assert reading.accepts_401 == case.masks
    assert reading.leaks == case.leaks
