"""Traefik: what is read of it is what the real one does, and the lines that are printed help."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabbydoctor.routers import traefik
from tabbydoctor.routers.kinds import BUILT_IN
from tests.routers.gateways import running
from tests.routers.gateways.agreement import agrees, lines_help
from tests.routers.gateways.sites import Site
from tests.routers.gateways.traefiks import EVERY

CONCERNS = {"RTR002": "key", "RTR005": "key", "RTR004": "key", "RTR014": "wait", "RTR016": "path",
            "RTR001": "probe"}  # fmt: skip
FAULTY = tuple((path, site) for path, site in EVERY if site.roots)


def named(each: object) -> str:
    return each.name if isinstance(each, Site) else str(each).rpartition(".")[2]


@pytest.mark.parametrize(("path", "site"), EVERY, ids=named)
def test_it_is_told_by_its_content(path: str, site: Site) -> None:
    assert BUILT_IN.of(path, site.text) == "traefik"


@pytest.mark.parametrize(("path", "site"), EVERY, ids=named)
def test_the_real_one_does_what_is_read(path: str, site: Site, tmp_path: Path) -> None:
    agrees(traefik, running.traefik, path, site, tmp_path)


@pytest.mark.parametrize(("path", "site"), FAULTY, ids=named)
def test_the_lines_help(path: str, site: Site, tmp_path: Path) -> None:
    concern = CONCERNS[site.roots[0]]
    lines_help(traefik, running.traefik, path, site, concern, tmp_path, whole=True)
