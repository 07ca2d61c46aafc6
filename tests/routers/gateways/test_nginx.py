"""nginx: what is read of a site is what the real nginx does with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabbydoctor.routers import nginx as kind
from tabbydoctor.routers.gateways.text import edited_text
from tests.routers.gateways.agreement import KEY, Behind, agrees, lines_help
from tests.routers.gateways.running import CALLERS_KEY, ask, nginx, recorder
from tests.routers.gateways.sites import HEALTHY, SITES, Site

PATH = "/etc/nginx/conf.d/site.conf"


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.name)
def test_every_call_is_what_nginx_does(site: Site, tmp_path: Path) -> None:
    agrees(kind, nginx, PATH, site, tmp_path)


@pytest.mark.parametrize("concern", ["key", "wait", "path", "stream"])
@pytest.mark.parametrize("site", SITES, ids=lambda site: site.name)
def test_the_lines_are_right_for_the_site(site: Site, concern: str, tmp_path: Path) -> None:
    lines_help(kind, nginx, PATH, site, concern, tmp_path)


def test_the_key_s_lines_keep_what_was_inherited(tmp_path: Path) -> None:
    site = next(one for one in SITES if one.name == "no key")
    with recorder() as tabby, recorder() as other:
        behind = Behind(kind, PATH, site, tabby, other)
        behind.text = behind.text.replace(
            "    location", "    proxy_set_header X-Real-IP 192.0.2.9;\n    location"
        )
        edits = [one for one in behind.read().by_hand if one.concern == "key"]
        mended = edited_text(behind.text, edits).replace("<api_key>", KEY)
        with nginx(tmp_path, mended, behind.port):
            assert ask(behind.port, "/v1/models", method="GET", key=CALLERS_KEY) == 200
        (got,) = tabby.asked
        assert (got.authorization, got.real_ip) == (f"Bearer {KEY}", "192.0.2.9")


def test_there_are_enough_of_both() -> None:
    assert len(HEALTHY) >= 10
    assert len({site.name for site in SITES}) == len(SITES)
