"""Gateways on a whole machine: the root of each is named first, the healthy have none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.routers.gateways.caddyfiles import CADDYFILES
from tests.routers.gateways.proxies import PROXIES
from tests.routers.gateways.sites import SITES, Site

from .scene import TOKENS, Said, Scene, serving, told
from .test_gateways import SITE, TITLE, behind

KEY, ADMIN = (line.partition(": ")[2] for line in TOKENS.splitlines())
CFG = "/etc/haproxy/haproxy.cfg"
CADDYFILE = "/etc/caddy/Caddyfile"


def examined(scene: Scene, site: Site, path: str, argv: tuple[str, ...]) -> Said:
    scene.endpoint = serving()
    text = site.text.replace("$KEY", KEY).replace("$ADMIN", ADMIN)
    behind(scene, path, text, argv)
    return scene.examine()


def right(said: Said, site: Site, path: str) -> None:
    """The roots are those of the site, and what is said of them can be used."""
    assert said.ids[:1] == list(site.roots[:1])
    assert {root.id for root in said.roots} | {
        id for root in said.roots for id in root.explains
    } == set(site.roots)
    for root in said.roots:
        for finding in said.findings(root.id):
            assert root.id == "RTR012" or finding.evidence[0].source.startswith(f"{path}:")
            assert KEY not in told(finding)
            assert ADMIN not in told(finding)
            assert "fix --auth" not in told(finding) or finding.remedies[1].lines
    judged = {one.check.id: one for one in said.results if one.check.id.startswith("RTR")}
    assert not [id for id, one in judged.items() if one.status == "unknown"]


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.name)
def test_nginx(site: Site, tmp_path: Path) -> None:
    right(examined(Scene(tmp_path), site, SITE, TITLE), site, SITE)


@pytest.mark.parametrize("site", PROXIES, ids=lambda site: site.name)
def test_haproxy(site: Site, tmp_path: Path) -> None:
    argv = ("/usr/sbin/haproxy", "-Ws", "-f", CFG)
    right(examined(Scene(tmp_path), site, CFG, argv), site, CFG)


@pytest.mark.parametrize("site", CADDYFILES, ids=lambda site: site.name)
def test_caddy(site: Site, tmp_path: Path) -> None:
    argv = ("/usr/bin/caddy", "run", "--environ", "--config", CADDYFILE)
    right(examined(Scene(tmp_path), site, CADDYFILE, argv), site, CADDYFILE)
