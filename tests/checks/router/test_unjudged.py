"""RTR019, and what RTR001, RTR002 and RTR005 make of two witnesses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from checks.router.forward_no_key import forward_no_key
from checks.router.key_differs import key_differs
from checks.router.probe_no_key import probe_no_key
from checks.router.unjudged import unjudged
from tabbydoctor.api import Absent, Check, Safety, Severity, Unknown
from tabbydoctor.deployment.parts import Machine, RouterSite
from tabbydoctor.host.data import Process
from tabbydoctor.routers.refusals import Refusal, RouterRefusals
from tabbydoctor.routers.site.keys import RouterKey, RouterKeys
from tabbydoctor.routers.unread import RouterRead, router_read
from tabbydoctor.routers.witness import RouterWitness, Verdict
from tests.scratch_host import ScratchHost

from .scene import API_KEY, config, endpoint, judge, read, reading, silent, site, tokens

URL = "http://127.0.0.1:8002/v1/models"
ROOT = Machine(systemd=True, root=True)
UNREAD = RouterRead("server.js is of no kind that can be read")
WHOLE = RouterRead()
BARE, KEYED = reading("per_call_client"), reading("per_call_client_keyed")
PROGRAM = RouterSite(
    "/opt/gate/server.js",
    "unknown",
    process=Process(7, ("node", "server.js")),
    urls=("http://127.0.0.1:8002",),
    pids=frozenset({7}),
)


def seen(verdict: Verdict) -> RouterWitness:
    """What came back, made up."""
    why = "its answer is its own" if verdict == "nothing" else ""
    return RouterWitness(URL, verdict, "401, no key", "401, wrong key", why)


def asked(witness: RouterWitness | None, told: RouterRead | None = UNREAD, **more: Any) -> Any:
    """The findings of RTR019."""
    facts: dict[str, Any] = {"site": PROGRAM, "machine": ROOT, "endpoint": endpoint(True), **more}
    rest = (facts["machine"], facts.get("reading"), facts.get("refusals"))
    return judge(unjudged, facts["site"], told, witness, config(), facts["endpoint"], *rest)


FAULTS: list[Verdict] = ["handed on", "none sent", "wrong sent", "caller wins"]


def test_neither_read_nor_proven_is_a_warning() -> None:
    (finding,) = asked(seen("nothing"))
    assert finding.severity is None
    assert unjudged.severity is Severity.WARNING
    assert "server.js" in finding.title
    assert "its answer is its own" in finding.detail
    assert "no kind that can be read" in finding.detail
    assert finding.caused_by == ()
    assert any("--router" in remedy.title for remedy in finding.remedies)


@pytest.mark.parametrize("verdict", FAULTS)
def test_one_witness_is_enough(verdict: Verdict) -> None:
    assert not asked(seen(verdict))
    assert not asked(seen("nothing"), WHOLE)
    assert not asked(None, WHOLE)


def test_a_keyed_route_leaves_a_remark() -> None:
    (finding,) = asked(seen("keyed"))
    assert finding.severity is Severity.INFO
    assert "besides GET /v1/models" in finding.title


def test_a_finding_of_half_a_reading_is_a_proof_too() -> None:
    assert not asked(seen("nothing"), reading=BARE)
    assert not asked(seen("nothing"), refusals=refused())
    assert asked(seen("nothing"), reading=KEYED)


def test_a_reading_that_did_not_come_in_time_was_no_reading() -> None:
    (finding,) = asked(seen("nothing"), None)
    assert "not read in time" in finding.detail


def test_what_is_needed_is_said() -> None:
    stopped = RouterSite("/opt/gate/server.js", "unknown", site().unit)
    (finding,) = asked(None, site=stopped)
    assert "not running" in finding.detail
    assert "sudo systemctl start llm-router.service" in finding.remedies[0].commands
    assert finding.caused_by == ("RTR010",)
    hidden = replace(PROGRAM, urls=())
    (finding,) = asked(None, site=hidden, machine=Machine(systemd=True, root=False))
    assert "root" in finding.detail
    assert finding.remedies[0].commands == ("sudo tabbydoctor check",)
    (finding,) = asked(None, endpoint=silent())
    assert finding.caused_by == ("API001", "API002")


def test_with_auth_off_there_is_nothing_to_judge() -> None:
    with pytest.raises(Absent, match="authentication is off"):
        judge(unjudged, PROGRAM, UNREAD, None, config(auth=False), endpoint(False), ROOT)


def test_what_cannot_be_told_from_a_whole_source_is_not_judged_either() -> None:
    vague = read(
        "import httpx\nfrom mine import headers\n\ndef check():\n"
        '    return httpx.get("http://127.0.0.1:5000/v1/models", headers=headers).status_code\n'
    )
    told = router_read(ScratchHost(), PROGRAM, vague)
    assert not told.unread
    assert asked(seen("nothing"), told)


@pytest.mark.parametrize("verdict", ["handed on", "none sent", "caller wins"])
@pytest.mark.parametrize("source", [None, KEYED, read("X = 1\n"), reading("syntax_error")])
def test_forwarding_is_proven_live_whatever_the_reading_says(verdict: Verdict, source: Any) -> None:
    facts = (source, config(), endpoint(True), PROGRAM)
    (finding,) = judge(forward_no_key, *facts, seen(verdict), UNREAD)
    assert [one.source for one in finding.evidence] == [
        f"GET {URL}, without a key",
        f"GET {URL}, with a key nobody knows",
    ]


def test_no_repair_is_promised_for_a_router_that_cannot_be_edited() -> None:
    facts = (config(), endpoint(True))
    (finding,) = judge(forward_no_key, None, *facts, PROGRAM, seen("none sent"), UNREAD)
    assert [(one.safety, one.commands) for one in finding.remedies] == [(Safety.MANUAL, ())]
    (finding,) = judge(forward_no_key, None, *facts, site(), seen("none sent"), UNREAD)
    assert finding.remedies[0].commands == ("sudo tabbydoctor fix --auth",)


def test_the_live_witness_does_not_overrule_what_was_read() -> None:
    facts = (BARE, config(), endpoint(True), PROGRAM)
    (finding,) = judge(forward_no_key, *facts, seen("keyed"), WHOLE)
    assert "carry no key" in finding.title
    (both,) = judge(forward_no_key, *facts, seen("none sent"), WHOLE)
    assert len(both.evidence) == len(finding.evidence) + 2


@pytest.mark.parametrize("verdict", ["keyed", "nothing", "wrong sent"])
@pytest.mark.parametrize("check", [forward_no_key, probe_no_key])
def test_passed_only_where_the_reading_came_to_its_end(check: Check, verdict: Verdict) -> None:
    live: list[Any] = [seen(verdict)] if check is forward_no_key else [None, seen(verdict)]
    facts = (config(), endpoint(True), PROGRAM, *live)
    assert not judge(check, KEYED, *facts, WHOLE)
    with pytest.raises(Unknown, match="no kind that can be read"):
        judge(check, None, *facts, UNREAD)
    with pytest.raises(Unknown, match="not read in time"):
        judge(check, None, *facts, None)
    with pytest.raises(Unknown, match="makes no call"):
        judge(check, read("X = 1\n"), *facts)


def refused() -> RouterRefusals:
    """One request of the router's that the log shows as refused."""
    return RouterRefusals("journalctl", (Refusal("127.0.0.1:41234", 7, "/v1/models"),))


def test_the_log_proves_a_health_check_without_a_key() -> None:
    facts = (None, config(), endpoint(True), PROGRAM)
    (finding,) = judge(probe_no_key, *facts, refused(), seen("nothing"), UNREAD)
    assert "127.0.0.1:41234" in str(finding.evidence[0].actual)
    assert "RTR005" in (finding.caused_by or ())
    (both,) = judge(probe_no_key, BARE, *facts[1:], refused(), None, WHOLE)
    assert len(both.evidence) == 2


@pytest.mark.parametrize("verdict", ["handed on", "caller wins"])
def test_what_callers_sent_is_no_health_check(verdict: Verdict) -> None:
    with pytest.raises(Unknown):
        judge(
            probe_no_key, None, config(), endpoint(True), PROGRAM, refused(), seen(verdict), UNREAD
        )


def test_a_wrong_key_is_proven_live() -> None:
    facts = (PROGRAM, tokens(), config(), endpoint(True), ROOT, seen("wrong sent"))
    (finding,) = judge(key_differs, None, *facts, UNREAD)
    assert "server.js" in finding.title
    (held,) = judge(key_differs, RouterKeys((RouterKey("environment K", "unit x", "old"),)), *facts)
    assert len(held.evidence) == 3
    right = RouterKeys((RouterKey("environment K", "unit x", API_KEY),))
    (differs,) = judge(key_differs, right, *facts, WHOLE)
    assert [one.source for one in differs.evidence] == [one.source for one in finding.evidence]


def test_keys_of_a_router_that_was_not_read_are_unknown() -> None:
    facts = (PROGRAM, tokens(), config(), endpoint(True), ROOT, seen("keyed"))
    with pytest.raises(Unknown, match="no kind that can be read"):
        judge(key_differs, None, *facts, UNREAD)
