"""`front`: where it is refused, and why. What it makes is shown in the lab."""

from __future__ import annotations

from typing import Any

import pytest

from tabbydoctor.deployment.parts import Instance, Machine, RouterSite
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.front.standing import Front, FrontMeans
from tabbydoctor.host import Account
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.front import plan_front
from tabbydoctor.remedies.request import FixRequest
from tabbydoctor.repair.changes import EarlierChange
from tabbydoctor.tabbyapi.tokens import Tokens
from tests.checks.router.scene import ADMIN_KEY, API_KEY, config, tokens
from tests.front.designs import design

ROUTER = Account("router", 1003, 1003)
UNIT = Unit("llm-router.service", {"LoadState": "loaded"})
HEALTHY: dict[str, Any] = {
    "machine": Machine(systemd=True, systemd_version=252, root=True),
    "instance": Instance("/srv/tabby", unit=Unit("tabbyapi.service", {})),
    "tokens": tokens(API_KEY),
    "config": config(),
    "site": RouterSite(None, "unknown", UNIT, user=ROUTER),
    "options": FixRequest(auth=True, strategy="front"),
    "means": FrontMeans((("nginx", "/usr/sbin/nginx"),), "/usr/sbin/nft"),
    "table": None,
}


@pytest.mark.parametrize(
    ("why", "changed"),
    [
        ("systemd 247", {"machine": Machine(systemd=True, systemd_version=245, root=True)}),
        ("NixOS", {"machine": Machine(systemd=True, systemd_version=252, nixos=True)}),
        ("no unit of the system's", {"site": RouterSite(None, "unknown", None, user=ROUTER)}),
        (
            "no unit of the system's",
            {"site": RouterSite(None, "unknown", Unit("r", {}, user_manager=True), user=ROUTER)},
        ),
        ("is not known", {"site": RouterSite(None, "unknown", UNIT)}),
        ("container", {"instance": Instance("/srv/tabby", container="docker tabby")}),
        ("authentication is off", {"config": config(auth=False)}),
        ("no API key", {"tokens": Tokens("/t.yml", None, "missing")}),
        ("characters", {"tokens": tokens('a"; include /etc/shadow; "')}),
        ("equals admin_key", {"tokens": tokens(ADMIN_KEY)}),
        ("this installs nothing", {"means": FrontMeans((), "/usr/sbin/nft")}),
        ("every local account", {"means": FrontMeans((("nginx", "/n"),), "", "no nft")}),
        (
            "DynamicUser",
            {"site": RouterSite(None, "u", Unit("r", {"DynamicUser": "yes"}), user=ROUTER)},
        ),
        ("there is one alone", {"front": Front(design(), API_KEY), "site": None}),
        (
            "taken back first",
            {
                "front": Front(design(), API_KEY),
                "options": FixRequest(auth=True, strategy="router-tokens"),
            },
        ),
    ],
)
def test_where_it_is_refused(why: str, changed: dict[str, Any]) -> None:
    other = RouterSite(None, "unknown", Unit("other.service", {}), user=ROUTER)
    given = {**HEALTHY, **changed}
    given["site"] = given["site"] or other
    draft = Draft()
    with pytest.raises(CannotFix, match=why):
        plan_front(draft, **given)
    assert draft.plan().empty


def test_what_was_wired_earlier_is_said_to_stay() -> None:
    earlier = EarlierChange("1", "wire TabbyAPI's key into the router (router-env)", ())
    own = Unit("llm-router.service", {"Environment": "URL=http://127.0.0.1:5000"})
    site = RouterSite(None, "unknown", own, user=ROUTER)
    said = []
    for changes in ((), (earlier,)):
        draft = Draft(earlier=changes)
        plan_front(draft, **{**HEALTHY, "site": site})
        said.append([note for note in draft.notes if "stays as it is" in note])
    assert said[0] == []
    assert len(said[1]) == 1
