"""RTR001 to RTR003: the key in probes and forwarded requests, and a 401 taken for health."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checks.router.forward_no_key import forward_no_key
from checks.router.masks_401 import masks_401
from checks.router.probe_no_key import probe_no_key
from tabbydoctor.api import Absent, Check, Unknown
from tabbydoctor.routers import litellm
from tabbydoctor.tabbyapi.config import Ignored, Origin
from tests.routers.cases import CASES, Case

from .scene import config, endpoint, judge, read, reading, silent, site

PARSING = [case for case in CASES if case.parses]
# These probe GET /health, which needs no key.
OPEN_PROBES = {"if_elif", "passes_header_on"}


@pytest.mark.parametrize("case", PARSING, ids=lambda case: case.name)
def test_probe_no_key_fires_exactly_where_a_keyed_probe_sends_none(case: Case) -> None:
    found = judge(probe_no_key, reading(case.name), config(), None, None)
    lines = [line for line, sends in case.probes.items() if sends is False]
    expected = [] if case.name in OPEN_PROBES else lines
    assert [e.source for f in found for e in f.evidence] == [
        f"/opt/router/{case.name}.py:{line}" for line in expected
    ]
    for finding in found:
        assert finding.evidence[0].expected == "Authorization: Bearer <api_key>"
        assert finding.evidence[0].actual == "no key"
        assert finding.remedies[0].commands == ("sudo tabbydoctor fix --auth",)


@pytest.mark.parametrize("case", PARSING, ids=lambda case: case.name)
def test_forward_no_key_fires_exactly_where_a_forward_sends_none(case: Case) -> None:
    found = judge(forward_no_key, reading(case.name), config(), None, None)
    lines = [line for line, sends in case.forwards.items() if sends is False]
    assert [e.source for f in found for e in f.evidence] == [
        f"/opt/router/{case.name}.py:{line}" for line in lines
    ]


@pytest.mark.parametrize("case", PARSING, ids=lambda case: case.name)
def test_masks_401_fires_exactly_where_a_401_is_health(case: Case) -> None:
    found = judge(masks_401, reading(case.name), config(), None, None)
    assert [e.source for f in found for e in f.evidence] == [
        f"/opt/router/{case.name}.py:{line}" for line in case.masks
    ]


@pytest.mark.parametrize("check", [probe_no_key, forward_no_key, masks_401])
def test_auth_off_is_no_fault_of_the_router(check: object) -> None:
    with pytest.raises(Absent, match="authentication is off"):
        judge(check, reading("per_call_client"), config(auth=False), None, None)  # type: ignore[arg-type]


def test_a_server_that_still_asks_counts_more_than_its_file() -> None:
    facts = (reading("per_call_client"), config(auth=False), endpoint(enforces=True), None)
    assert judge(probe_no_key, *facts)


def test_without_a_configuration_the_server_tells() -> None:
    with pytest.raises(Absent):
        judge(probe_no_key, reading("per_call_client"), None, endpoint(enforces=False), None)
    assert judge(probe_no_key, reading("per_call_client"), None, endpoint(enforces=True), None)


def test_a_file_that_does_not_parse_is_unknown_with_its_line() -> None:
    with pytest.raises(Unknown, match=r"syntax_error\.py:8: not valid Python"):
        judge(probe_no_key, reading("syntax_error"), config(), None, None)


def test_headers_from_elsewhere_are_unknown() -> None:
    source = (
        "import httpx\nfrom secrets_of_mine import headers\n\n"
        "def check():\n"
        "    url = 'http://127.0.0.1:5000/v1/models'\n"
        "    return httpx.get(url, headers=headers()).status_code == 200\n"
    )
    with pytest.raises(Unknown, match=r"router\.py:6"):
        judge(probe_no_key, read(source), config(), None, None)


def test_litellm_without_a_key() -> None:
    text = (
        "model_list:\n- model_name: m\n  litellm_params:\n"
        "    model: openai/m\n    api_base: http://127.0.0.1:5000/v1\n"
    )
    found = judge(
        forward_no_key,
        litellm.read("/etc/litellm.yaml", text, ("http://127.0.0.1:5000",)),
        config(),
        None,
        None,
    )
    assert [e.source for e in found[0].evidence] == ["/etc/litellm.yaml:5"]


CLAIM = "TabbyAPI answers 401"


@pytest.mark.parametrize("check", [probe_no_key, forward_no_key])
def test_a_401_is_claimed_only_where_it_was_seen(check: Check) -> None:
    source = reading("per_call_client")
    (seen,) = judge(check, source, config(), endpoint(enforces=True), None)
    assert CLAIM in seen.detail
    (unseen,) = judge(check, source, config(), silent(), None)
    assert CLAIM not in unseen.detail


@pytest.mark.parametrize("check", [probe_no_key, forward_no_key])
@pytest.mark.parametrize(
    ("key", "value", "explains"),
    [("disable_auht", True, True), ("disable_auht", False, False), ("prot", 5001, False)],
)
def test_a_misspelt_disable_auth_explains_it(
    check: Check, key: str, value: object, explains: bool
) -> None:
    origin = Origin("working-directory", "/srv/tabby/config.yml:4", "/srv/tabby/config.yml", 4)
    item = Ignored("network", key, value, origin, "unknown-key")
    facts = (reading("per_call_client"), replace(config(), ignored=(item,)), None, None)
    (finding,) = judge(check, *facts)
    assert ("CFG003" in (finding.caused_by or ())) is explains
    assert "CFG004" in (finding.caused_by or ())


def test_a_router_of_a_users_own_manager_is_wired_without_root() -> None:
    place = site()
    assert place.unit is not None
    own = replace(place, unit=replace(place.unit, user_manager=True))
    (finding,) = judge(probe_no_key, reading("per_call_client"), config(), None, own)
    assert finding.remedies[0].commands == ("tabbydoctor fix --auth",)


def test_causes() -> None:
    assert "RTR001" in forward_no_key.caused_by
    assert "CFG004" in probe_no_key.caused_by
    assert "CFG004" in forward_no_key.caused_by
