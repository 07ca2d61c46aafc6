"""RTR013: where the router looks for TabbyAPI, and where that is written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checks.router.wrong_address import wrong_address
from tabbydoctor.api import Absent, Finding, Unknown
from tabbydoctor.deployment.parts import Discovery, Instance, RouterSite
from tabbydoctor.deployment.unit import UnitFile
from tabbydoctor.host.data import HttpAnswer
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.site.health import RouterTargets
from tabbydoctor.routers.site.keys import RouterKey, RouterKeys
from tabbydoctor.tabbyapi.config import EffectiveConfig, Origin, Setting
from tabbydoctor.tabbyapi.probes import Endpoint

from .scene import API_KEY, endpoint, judge, reading, silent, site, tokens

ELSEWHERE = "http://127.0.0.1:5001"
SIX = "http://[::1]:5000"
SHARED = reading("shared_client")
ORIGIN = Origin("working-directory", "/srv/tabby/config.yml:2", "/srv/tabby/config.yml", 2)
CONFIG = EffectiveConfig(
    "/srv/tabby", {("network", "host"): Setting("network", "host", "127.0.0.1", ORIGIN)}
)
TABBYAPI = b'{"software": {"name": "TabbyAPI"}}'


def told(
    source: RouterReading,
    true: Endpoint,
    answer: HttpAnswer | None = None,
    place: RouterSite | None = None,
    discovery: Discovery | None = None,
) -> list[Finding]:
    """The findings where whoever the router asks answers so (refuses, without an answer)."""
    given = answer or HttpAnswer("", error="refused")
    targets = RouterTargets(dict.fromkeys(source.addresses, given))
    return judge(wrong_address, source, place or site(), true, targets, discovery, CONFIG)


def test_another_port() -> None:
    (finding,) = told(SHARED, endpoint(True, ELSEWHERE))
    assert finding.evidence[0].expected == ELSEWHERE
    assert not told(SHARED, endpoint(True))


def test_the_line_of_the_constant_is_named_and_the_router_restarted() -> None:
    written = {SHARED.addresses[0]: "/opt/router/router.py:14"}
    (finding,) = told(replace(SHARED, written_at=written), endpoint(True, ELSEWHERE))
    assert finding.evidence[0].source == "/opt/router/router.py:14"
    assert finding.remedies[0].title == "Write port 5001 instead of 5000 there"
    assert finding.remedies[0].commands == (
        "sudoedit /opt/router/router.py",
        "sudo systemctl restart llm-router.service",
    )


def test_an_address_of_the_unit_needs_a_reload() -> None:
    path = "/etc/systemd/system/llm-router.service"
    place = site()
    assert place.unit is not None
    unit = replace(place.unit, files=(UnitFile(path, "[Service]\n"),))
    written = {SHARED.addresses[0]: f"{path}:5"}
    (finding,) = told(
        replace(SHARED, written_at=written),
        endpoint(True, ELSEWHERE),
        place=replace(place, unit=unit),
    )
    assert finding.remedies[0].commands[1] == "sudo systemctl daemon-reload"


@pytest.mark.parametrize(
    ("source", "true"),
    [(SHARED, SIX), (reading("any_answer"), "http://127.0.0.1:5000")],
    ids=["router-ipv4", "router-ipv6"],
)
def test_the_other_family_of_addresses(source: RouterReading, true: str) -> None:
    server = endpoint(True, true)
    (finding,) = told(source, server)
    assert finding.title.endswith(f"not {true}")
    assert "network.host" in finding.remedies[0].title
    assert finding.remedies[0].commands == ("sudoedit /srv/tabby/config.yml",)
    assert finding.remedies[1].title == f"Or let the router ask {true}"
    assert not told(source, server, HttpAnswer("", status=200))


def test_the_same_family_is_right() -> None:
    assert not told(reading("any_answer"), endpoint(True, SIX))


def test_localhost_is_whatever_it_leads_to() -> None:
    local = replace(SHARED, addresses=("http://localhost:5000",))
    assert not told(local, endpoint(True, SIX), HttpAnswer("", status=200))
    assert not told(local, endpoint(True, SIX), HttpAnswer("", error="timeout"))
    (finding,) = told(local, endpoint(True))
    assert finding.remedies[0].title == "Write 127.0.0.1 instead of localhost there"


def test_nothing_is_said_while_tabbyapi_does_not_answer() -> None:
    with pytest.raises(Absent, match="nothing answers"):
        told(SHARED, silent("http://127.0.0.1:9"))


def test_another_tabbyapi_of_this_machine_may_be_meant() -> None:
    with pytest.raises(Absent, match="asks another TabbyAPI"):
        told(SHARED, endpoint(True, ELSEWHERE), HttpAnswer("", status=200, body=TABBYAPI))
    assert told(SHARED, endpoint(True, ELSEWHERE), HttpAnswer("", status=404))


def test_another_that_is_down_may_be_meant_too() -> None:
    two = Discovery(Instance("/srv/tabby"), (Instance("/srv/other"),))
    with pytest.raises(Unknown, match="may mean /srv/other"):
        told(SHARED, endpoint(True, ELSEWHERE), discovery=two)


def test_a_proxy_variable() -> None:
    proxied = site("HTTP_PROXY=http://proxy:3128")
    assert told(SHARED, endpoint(True), place=proxied)
    assert told(SHARED, silent(ELSEWHERE), place=proxied)
    exempt = site('HTTP_PROXY=http://proxy:3128 "NO_PROXY=localhost,127.0.0.1"')
    assert not told(SHARED, endpoint(True), place=exempt)
    assert not told(reading("aiohttp_sweep"), endpoint(True), place=proxied)


NAMED = replace(SHARED, addresses=("http://gpu-box:5000",))


def at_name(*addresses: str, answer: HttpAnswer | None = None) -> list[Finding]:
    """The findings where /etc/hosts gives the router's name these addresses."""
    url = NAMED.addresses[0]
    given = answer or HttpAnswer(url, error="refused")
    targets = RouterTargets({url: given}, {url: addresses})
    return judge(wrong_address, NAMED, site(), endpoint(True), targets, None, CONFIG)


def test_a_name_of_this_machine_that_leads_elsewhere() -> None:
    (finding,) = at_name("127.0.1.1")
    assert finding.evidence[1].source == "/etc/hosts"
    assert finding.evidence[1].actual == "gpu-box is 127.0.1.1"
    assert finding.remedies[0].title == "Write 127.0.0.1 instead of gpu-box there"
    assert finding.severity is None
    assert not at_name("127.0.0.1", answer=HttpAnswer("", status=200, body=TABBYAPI))
    assert not at_name("127.0.0.1", answer=HttpAnswer("", error="timeout"))


def test_a_name_of_another_machine_is_not_judged() -> None:
    assert not judge(wrong_address, NAMED, site(), endpoint(True), RouterTargets({}), None, CONFIG)


def test_another_address_of_the_loopback() -> None:
    other = replace(SHARED, addresses=("http://127.0.1.1:5000",))
    (finding,) = told(other, endpoint(True))
    assert finding.remedies[0].title == "Write 127.0.0.1 instead of 127.0.1.1 there"
    assert not told(other, endpoint(True), HttpAnswer("", status=200))


def brought(value: str, answer: HttpAnswer) -> list[Finding]:
    """The findings where TabbyAPI had to move, and the router sends a key to its old port."""
    targets = RouterTargets(dict.fromkeys(SHARED.addresses, answer))
    keys = RouterKeys((RouterKey("api_key", "/srv/tabby/api_tokens.yml", value),))
    facts = (site(), endpoint(True, ELSEWHERE), targets, None, CONFIG, None, keys, tokens())
    return judge(wrong_address, SHARED, *facts)


def test_the_key_of_this_tabbyapi_brought_to_another_at_the_port_it_left() -> None:
    another = HttpAnswer("", status=200, body=TABBYAPI)
    (finding,) = brought(API_KEY, another)
    assert "another one listens at that port" in finding.detail
    assert finding.remedies[0].title == "Write port 5001 instead of 5000 there"
    with pytest.raises(Absent, match="asks another TabbyAPI"):
        brought("a key of the other's", another)
