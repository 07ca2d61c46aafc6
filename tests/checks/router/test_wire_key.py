"""The remedy that most checks of the router share."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checks.router import wire_key
from checks.router.probe_no_key import probe_no_key
from tabbydoctor.api import Safety
from tabbydoctor.tabbyapi.config import EffectiveConfig, Origin, Setting

from .scene import config, judge, reading, site

STORED = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-llm-router/share/router.py"
DISABLE = "sudo tabbydoctor fix --auth --strategy disable-auth"


def bound_to(host: str) -> EffectiveConfig:
    found = config()
    origin = Origin("default", "default")
    setting = Setting("network", "host", host, origin)
    return replace(found, settings={**found.settings, ("network", "host"): setting})


def test_a_source_in_the_store_is_changed_by_hand() -> None:
    source = reading("per_call_client")
    found = wire_key(replace(site(), path=STORED), source, bound_to("127.0.0.1"))
    assert found.safety is Safety.MANUAL
    lines = sorted({call.line for call in source.calls if call.sends_key is False})
    assert len(lines) > 1
    assert f"let lines {', '.join(map(str, lines[:-1]))} and {lines[-1]} of it" in found.title
    assert f"Change what {STORED} is made from" in found.title
    assert "`Authorization: Bearer <api_key>`" in found.title
    assert "--temporary" in found.title
    assert found.commands == (DISABLE,)


def test_authentication_is_not_offered_to_be_switched_off_where_others_reach_it() -> None:
    found = wire_key(replace(site(), path=STORED), None, bound_to("0.0.0.0"))
    assert found.safety is Safety.MANUAL
    assert found.commands == ()
    assert "switch its authentication off" not in found.title
    assert "let the lines seen send" in found.title


@pytest.mark.parametrize("path", [STORED, "/run/current-system/sw/share/router.py"])
def test_a_check_does_not_offer_to_edit_the_store(path: str) -> None:
    facts = (reading("per_call_client"), config(), None, replace(site(), path=path))
    (finding,) = judge(probe_no_key, *facts)
    assert "sudo tabbydoctor fix --auth" not in finding.remedies[0].commands
    assert finding.remedies[0].safety is Safety.MANUAL


def test_any_other_source_is_edited() -> None:
    found = wire_key(site(), reading("per_call_client"), bound_to("127.0.0.1"))
    assert found.safety is Safety.SAFE
    assert found.commands == ("sudo tabbydoctor fix --auth",)
