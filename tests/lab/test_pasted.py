"""Pasted as printed: of every fault, the first remedy that leaves nothing to a person cures it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from tests.lab.accuracy_table import PASTED
from tests.lab.accuracy_table import pasted as written
from tests.lab.deployment import RealServer
from tests.lab.faults import CATALOGUE, Fault
from tests.lab.installed import REPOSITORY, Installed
from tests.lab.pasted import KNOWN, NOT_TO_BE_SHOWN, Pasted, asks, looks, pastings

FAULTS = list(CATALOGUE.values())
PAGE = REPOSITORY / "docs/accuracy.md"
EACH = "test_what_is_printed_cures_or_asks"

Pastings = dict[str, Future[Pasted]]


@pytest.fixture(scope="module")
def pasted(
    request: pytest.FixtureRequest, installed: Installed, real_server: RealServer | None
) -> Iterator[Pastings]:
    """The selected faults, being pasted for in the background from the first test on."""
    if real_server:
        pytest.skip("with the stand-in: what is pasted is the same")
    selected = {item.name for item in request.session.items}
    chosen = [one for one in FAULTS if f"{EACH}[{one.name}]" in selected]
    with pastings(chosen, installed) as futures:
        yield futures


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_what_is_printed_cures_or_asks(pasted: Pastings, fault: Fault) -> None:
    outcome = pasted[fault.name].result()
    wrong = outcome.grade == "wrong"
    known = KNOWN.get(fault.name, "")
    assert wrong is bool(known), known or f"{outcome.commands}\n{outcome.why}"


def test_most_of_what_acts_cures(pasted: Pastings) -> None:
    grades = Counter(one.result().grade for one in pasted.values())
    if len(pasted) < len(FAULTS):
        pytest.skip("only where all of them are pasted")
    assert grades["wrong"] == len(KNOWN)
    tried = grades["cured"] + grades["wrong"] - len(NOT_TO_BE_SHOWN)
    assert grades["cured"] >= 0.9 * tried
    assert grades["cured"] >= len(FAULTS) / 4, "most faults are not left to a person"


def test_the_page_tells_what_came_of_it(pasted: Pastings) -> None:
    if len(pasted) < len(FAULTS):
        pytest.skip("only where all of them are pasted")
    now = {name: PASTED.get(one.result().grade, "–") for name, one in pasted.items()}
    assert now == written(PAGE.read_text(encoding="utf8"))


@pytest.mark.parametrize(
    ("command", "grade"),
    [
        ("systemctl restart tabbyapi.service", ""),
        ("journalctl -u tabbyapi.service -n 50", "looks"),
        ("sudo ss -ltnp 'sport = :5000'", "looks"),
        ("tabbydoctor fix --auth --dry-run", "looks"),
        ("tabbydoctor fix --auth", ""),
        ('"${EDITOR:-vi}" /srv/config.yml', "asks"),
        ("sudoedit /srv/config.yml", "asks"),
    ],
)
def test_what_a_command_is(command: str, grade: str) -> None:
    remedy = {"title": "", "safety": "safe", "commands": [command]}
    found = "asks" if asks(remedy) else "looks" if looks(remedy) else ""
    assert found == grade
