"""Hostile sources cost little, and what was left out is told."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tabbydoctor.routers import RouterReading, python
from tabbydoctor.source import budget
from tests.routers.hostile import BRANCHING, GROWING, HEAD, REFUSED, TAIL

URLS = ("http://127.0.0.1:5000",)
ROOT = Path(__file__).parents[2]
MEMORY, CPU = 700 << 20, 120
"""Bytes of address space (an interpreter with the reader takes a tenth) and seconds of CPU."""
CHILD = """
import sys
from tabbydoctor.routers import python
from tests.routers import hostile
for name, source in getattr(hostile, sys.argv[1]).items():
    print(name, flush=True)
    python.read("/srv/router.py", source, ("http://127.0.0.1:5000",))
"""


def read(source: str) -> RouterReading:
    return python.read("/srv/router.py", source, URLS)


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU))


@pytest.mark.parametrize("group", ["GROWING", "BRANCHING", "REFUSED"])
def test_no_source_takes_more_than_its_share_of_time_and_memory(group: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CHILD, group],
        cwd=ROOT,
        preexec_fn=limited,
        capture_output=True,
        text=True,
        check=False,
    )
    read = ended.stdout.splitlines()
    assert ended.returncode == 0, (read[-1:], ended.stderr[-500:])
    sys.stdout.write(f"{group}: {len(read)} hostile sources read\n")


CUT = {
    **{name: GROWING[name] for name in ("added to itself", "format", "f-string", "a list spread")},
    **{name: BRANCHING[name] for name in ("loops in each other", "many calls")},
}


@pytest.mark.parametrize("name", CUT)
def test_a_reading_that_was_cut_says_so(name: str) -> None:
    reading = read(CUT[name])
    assert reading.problem == ""
    assert reading.cuts
    assert reading.cuts[0] in reading.incomplete


@pytest.mark.parametrize("name", ["not", "brackets", "attributes", "sum", "an integer", "a NUL"])
def test_a_source_that_no_parser_takes_is_refused_with_the_reason(name: str) -> None:
    assert read(REFUSED[name]).problem


def test_what_was_reached_before_the_cut_stands() -> None:
    reading = read(GROWING["added to itself"])
    assert [(call.purpose, call.sends_key) for call in reading.calls] == [("probe", False)]


def test_a_reading_that_came_to_its_end_has_no_cut() -> None:
    assert read(HEAD + TAIL).cuts == ()
    assert read(HEAD + TAIL).incomplete == ""


def test_time_that_is_used_up_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "SECONDS", -1.0)
    reading = read(HEAD + "a = 1\n" * 200 + TAIL)
    assert budget.TIME in reading.cuts


def test_readings_inside_of_one_budget_share_its_time() -> None:
    with budget.budget() as outer:
        outer.until = 0.0
        with budget.budget() as inner:
            assert inner.overdrawn
    assert not outer.cuts


SUPER = """
import httpx

class Base:
    def __init__(self):
        self.url = "http://127.0.0.1:5000"
        self.again = lambda: super().__init__()

class Tabby(Base):
    def __init__(self):
        super().__init__()
        self.later = lambda: super().ready()

    async def ready(self):
        async with httpx.AsyncClient() as client:
            self.later()
            return (await client.get(f"{self.url}/v1/models")).status_code == 200

tabby = Tabby()
tabby.again()
tabby.later()
"""


def test_super_in_a_lambda_is_followed_or_left_unknown() -> None:
    assert [call.purpose for call in read(SUPER).calls] == ["probe"]


def test_a_request_to_more_places_than_are_told_apart_is_said() -> None:
    """Another call that reaches TabbyAPI with a key does not make the reading whole."""
    choices = "".join(
        f"if os.environ.get('A{n}'):\n    U = 'http://10.0.0.{n}'\n" for n in range(30)
    )
    source = f"import os\n{HEAD}{choices}\n\ndef send(b):\n    return httpx.post(U, json=b)\n{TAIL}"
    assert [cut for cut in read(source).cuts if "more places than are told" in cut]
