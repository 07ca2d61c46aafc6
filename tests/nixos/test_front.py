"""`fix --auth --strategy front` on NixOS: lines that Nix takes and that make the same front."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tabbydoctor.deployment.parts import Machine, RouterSite
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.front import plan_front
from tests.checks.router.scene import API_KEY
from tests.remedies.test_front import HEALTHY, ROUTER

from .nix import evaluate, needs_nix

NIXOS = Machine(systemd=True, systemd_version=257, root=True, nixos=True)


def lines(**properties: str) -> str:
    unit = Unit("llm-router.service", {"LoadState": "loaded", **properties})
    site = RouterSite(None, "unknown", unit, user=ROUTER)
    draft = Draft()
    with pytest.raises(CannotFix, match=r"configuration\.nix") as refused:
        plan_front(draft, **{**HEALTHY, "machine": NIXOS, "site": site})
    assert draft.plan().empty
    assert API_KEY not in refused.value.manual
    return refused.value.manual


@needs_nix
def test_nix_takes_them(tmp_path: Path) -> None:
    text = lines(Environment="URL=http://127.0.0.1:5000 PORT=8000")
    value: Any = evaluate("{\n" + text + "\n}", tmp_path)
    http = value["services"]["nginx"]["appendHttpConfig"]
    assert "listen 127.0.0.1:5080;" in http
    assert "listen [::1]:5080;" in http
    assert "include /run/credentials/nginx.service/tabbydoctor-front;" in http
    assert http.count("{") - http.count('{"detail"') == http.count("}") - http.count('"}')
    fence = value["networking"]["nftables"]["tables"]["tabbydoctor_front"]
    assert "meta skuid { 0, 1003 } accept" in fence["content"]
    assert fence["content"].count("{") == fence["content"].count("}")
    services = value["systemd"]["services"]
    assert services["llm-router"]["environment"] == {"URL": "http://127.0.0.1:5080"}
    assert services["nginx"]["serviceConfig"]["LoadCredential"] == [
        "tabbydoctor-front:/etc/tabbydoctor/front/key"
    ]


def test_its_build_takes_the_host_that_is_handed_on() -> None:
    """NixOS builds nginx.conf through gixy, which ends at `$http_host` (host_spoofing)."""
    assert "proxy_set_header Host $host:$server_port;" in lines()
    assert "$http_host" not in lines()


def test_where_the_address_is_not_found_it_is_asked_for() -> None:
    assert "has to ask http://127.0.0.1:5080 in the place of TabbyAPI" in " ".join(
        lines().replace("\n# ", " ").split()
    )


def test_without_a_uid_that_stays_it_says_that_there_is_no_fence() -> None:
    text = lines(DynamicUser="yes")
    assert "nftables" not in text
    assert "every local account" in text
