"""Pasted as printed: of every fault, the first remedy that leaves nothing to a person cures it.

Those that leave something to a person, or only look, are told when the fault is examined.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.lab.accuracy_table import PASTED, TRIED
from tests.lab.accuracy_table import pasted as written
from tests.lab.deployment import Deploy, RealServer
from tests.lab.faults import CATALOGUE, Fault
from tests.lab.installed import REPOSITORY
from tests.lab.pasted import KNOWN, NOT_TO_BE_SHOWN, asks, looks, paste

WRITTEN = written((REPOSITORY / "docs/accuracy.md").read_text(encoding="utf8"))
ACTING = [CATALOGUE[name] for name in CATALOGUE if WRITTEN.get(name) in TRIED]
"""As the page has it; a fault of another kind than its row says fails where it is examined."""


@pytest.mark.parametrize("fault", ACTING, ids=lambda fault: fault.name)
def test_what_is_printed_cures(
    deploy: Deploy, real_server: RealServer | None, fault: Fault
) -> None:
    if real_server:
        pytest.skip("with the stand-in: what is pasted is the same")
    outcome = paste(deploy, fault)
    known = KNOWN.get(fault.name, "")
    assert (outcome.grade == "wrong") is bool(known), known or f"{outcome.commands}\n{outcome.why}"
    assert PASTED.get(outcome.grade) == WRITTEN[fault.name]


def test_most_of_what_acts_cures() -> None:
    told = Counter(WRITTEN.values())
    cured, wrong = told[PASTED["cured"]], told[PASTED["wrong"]]
    assert wrong == len(KNOWN)
    assert cured >= 0.9 * (cured + wrong - len(NOT_TO_BE_SHOWN))
    assert cured >= len(WRITTEN) / 4, "most faults are not left to a person"


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
