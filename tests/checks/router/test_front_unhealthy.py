"""RTR021, and what a front makes of the other checks of its router."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checks.router.front_unhealthy import front_unhealthy
from checks.router.key_differs import key_differs
from tabbydoctor.api import Unknown
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.front.standing import Front, FrontFault, FrontStanding
from tabbydoctor.routers.fronted import keyed
from tabbydoctor.routers.python import read as read_python
from tests.checks.router.scene import API_KEY, config, endpoint, tokens
from tests.front.designs import design

FRONT = Front(design(), API_KEY)
SITE = RouterSite(None, "unknown", Unit("llm-router.service", {}))
DOWN = FrontFault("down", "systemctl", "active", "failed")
FENCE = FrontFault("fence", "nft", "uid 0, 1003", "everybody")
BARE = "import httpx\n\n\ndef forward():\n    return httpx.post('http://127.0.0.1:{}/v1/completions')\n"


def test_a_healthy_one_has_nothing() -> None:
    assert list(front_unhealthy.judge(FRONT, FrontStanding())) == []


def test_the_gravest_is_told_and_the_others_are_evidence() -> None:
    (finding,) = front_unhealthy.judge(FRONT, FrontStanding((DOWN, FENCE)))
    assert finding.title == "Nothing keeps other accounts from the front of llm-router.service"
    assert [one.source for one in finding.evidence] == ["nft", "systemctl"]
    assert finding.remedies[0].commands[0].endswith("fix --auth")


def test_one_that_hands_on_to_where_tabbyapi_was() -> None:
    moved = Front(design().handing_on_to("127.0.0.1:5001"), API_KEY)
    (finding,) = front_unhealthy.judge(moved, FrontStanding(), config())
    assert (finding.evidence[0].expected, finding.evidence[0].actual) == (
        "127.0.0.1:5000",
        "127.0.0.1:5001",
    )
    assert list(front_unhealthy.judge(FRONT, FrontStanding(), config())) == []


def test_what_could_not_be_seen_is_said() -> None:
    with pytest.raises(Unknown, match="sudo"):
        list(front_unhealthy.judge(FRONT, FrontStanding(unseen="use sudo")))


def test_its_key_after_a_rotation() -> None:
    def found(front: Front, *keys: str) -> list[str]:
        asked = endpoint(True)
        return [one.title for one in key_differs.judge(
            None, SITE, tokens(*keys), config(), asked, front=front
        )]  # fmt: skip

    assert found(FRONT, API_KEY) == []
    assert found(FRONT, "other", API_KEY) == []
    assert found(FRONT, "other") == [
        "The key that the front of llm-router.service adds is none of TabbyAPI's"
    ]
    with pytest.raises(Unknown):
        found(replace(FRONT, key=None), API_KEY)


def test_calls_to_it_bring_its_key_and_others_do_not() -> None:
    at_front = read_python("/r.py", BARE.format(5080), FRONT.design.urls)
    assert [call.sends_key for call in at_front.calls] == [False]
    assert [call.sends_key for call in keyed(at_front, FRONT).calls] == [True]
    urls = (*FRONT.design.urls, "http://127.0.0.1:5000")
    past_it = read_python("/r.py", BARE.format(5080) + BARE.format(5000), urls)
    assert False in [call.sends_key for call in keyed(past_it, FRONT).calls]
