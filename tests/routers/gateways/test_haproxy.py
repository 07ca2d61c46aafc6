"""HAProxy: what is read of a configuration is what the real one does with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabbydoctor.routers import haproxy as kind
from tests.routers.gateways.agreement import Behind, agrees, is_edited_in_place, lines_help
from tests.routers.gateways.proxies import HEALTHY, PROXIES
from tests.routers.gateways.running import free_port, haproxy, recorder
from tests.routers.gateways.sites import Site

PATH = "/etc/haproxy/haproxy.cfg"


@pytest.mark.parametrize("site", PROXIES, ids=lambda site: site.name)
def test_every_call_is_what_haproxy_does(site: Site, tmp_path: Path) -> None:
    agrees(kind, haproxy, PATH, site, tmp_path)


@pytest.mark.parametrize("concern", ["key", "wait", "path", "probe"])
@pytest.mark.parametrize("site", PROXIES, ids=lambda site: site.name)
def test_the_lines_are_right_for_the_configuration(
    site: Site, concern: str, tmp_path: Path
) -> None:
    lines_help(kind, haproxy, PATH, site, concern, tmp_path)


@pytest.mark.parametrize(
    "site", [one for one in PROXIES if "httpchk" in one.text], ids=lambda site: site.name
)
def test_it_asks_for_health_as_it_was_read(site: Site, tmp_path: Path) -> None:
    with recorder() as tabby, recorder() as other:
        behind = Behind(kind, PATH, site, tabby, other)
        (probe,) = behind.read().of("probe")
        with haproxy(tmp_path, behind.text, behind.port):
            while not (seen := [one for one in tabby.asked if one.host is None or one.method]):
                free_port()  # it asks by itself, ten times a second
        assert (seen[0].method, seen[0].path) == (probe.method, probe.path)
        assert (seen[0].authorization is not None) == bool(probe.sends_key)


@pytest.mark.parametrize("site", PROXIES, ids=lambda site: site.name)
def test_it_is_edited_in_place(site: Site, tmp_path: Path) -> None:
    is_edited_in_place(kind, haproxy, PATH, site, tmp_path)


def test_there_are_enough_of_both() -> None:
    assert len(HEALTHY) >= 10
    assert len({site.name for site in PROXIES}) == len(PROXIES)
