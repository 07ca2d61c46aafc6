"""RTR005: what to write, and where, so that the router sends the present key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checks.router.key_differs import key_differs
from tabbydoctor.api import Finding
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.deployment.unit import UnitFile
from tabbydoctor.host.data import Process
from tabbydoctor.routers.site.keys import LITERAL, RouterKey, RouterKeys

from .scene import config, judge, site, tokens

OLD = "9" * 32
VARIABLE = "environment TABBY_API_KEY"
RESTART = "sudo systemctl restart llm-router.service"


def found(place: RouterSite, *copies: tuple[str, str]) -> Finding:
    keys = RouterKeys(tuple(RouterKey(source, where, OLD) for source, where in copies))
    (finding,) = judge(key_differs, keys, place, tokens(), config(), None)
    return finding


@pytest.mark.parametrize(
    ("source", "where", "written"),
    [
        ("credential tabby_api_key", "/etc/tabby key", "'/etc/tabby key'"),
        (VARIABLE, "/etc/llm-router.env", "/etc/llm-router.env"),
        (LITERAL, "/opt/router/router.py", "/opt/router/router.py"),
        ("api_key of /srv/x/api_tokens.yml", "/srv/x/api_tokens.yml", "/opt/router/router.py"),
    ],
)
def test_the_file_is_named(source: str, where: str, written: str) -> None:
    remedy = found(site(), (source, where)).remedies[1]
    assert remedy.commands == (f"sudoedit {written}", RESTART)
    reads = "Or let it read /srv/tabby/api_tokens.yml" if " of " in source else "Or give it"
    assert remedy.title.startswith(reads)


def test_the_units_own_file_is_loaded_anew() -> None:
    place = site()
    assert place.unit
    files = (
        UnitFile("/etc/systemd/system/llm-router.service", "[Service]\nExecStart=x\n"),
        UnitFile("/etc/systemd/system/x.d/key.conf", "[Service]\nEnvironment=TABBY_API_KEY=x\n"),
    )
    place = replace(place, unit=replace(place.unit, files=files), process=Process(42, ("x",)))
    running = (VARIABLE, "process 42")
    remedy = found(place, (VARIABLE, "unit llm-router.service"), running).remedies[1]
    assert remedy.commands == (
        "sudoedit /etc/systemd/system/x.d/key.conf",
        "sudo systemctl daemon-reload",
        RESTART,
    )
    assert found(place, running).remedies[1].commands == (RESTART,)


def test_what_is_in_the_store_is_not_edited() -> None:
    remedy = found(site(), (VARIABLE, "/nix/store/abc/environment")).remedies[1]
    assert remedy.title.endswith("in what /nix/store/abc/environment is made from")
