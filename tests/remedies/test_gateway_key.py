"""Gateways in place: what is planned, and where the lines are printed instead."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tabbydoctor.deployment.parts import Machine, RouterSite
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.remedies.draft import CannotFix
from tabbydoctor.remedies.gateway_nix import lines_of_nix
from tabbydoctor.remedies.gateway_trust import exchangeable
from tabbydoctor.remedies.request import FixRequest
from tabbydoctor.repair.changes import Parser, Reload
from tabbydoctor.repair.parsers import refusals
from tabbydoctor.routers import nginx
from tabbydoctor.tabbyapi.probes import Address

from .scene import KEY, ROOT, SERVICE, Scene

SITE = "server {\n  listen 80;\n  location /v1/ { proxy_pass http://127.0.0.1:5000; }\n}\n"
UNIT = "[Service]\nExecStart=/usr/sbin/nginx -c {path}\nExecReload=/bin/true\n"
KEY_FILE = "/etc/tabbydoctor/nginx.service/tabby_api_key.conf"


def before(scene: Scene, text: str = SITE) -> Path:
    """nginx in front of the deployment."""
    path = scene.write(scene.root / "nginx/site.conf", text, owner=0)
    scene.write(scene.root / "units/nginx.service", UNIT.format(path=path), owner=0)
    unit = scene.unit_named("nginx.service", User="")
    scene.router = RouterSite(str(path), "nginx", unit, None, ROOT)
    scene.given[FixRequest] = FixRequest(auth=True)
    scene.given[Address] = Address("http://127.0.0.1:5000", "127.0.0.1:5000", "its socket")
    return path


def test_the_key_goes_into_a_file_of_its_own(scene: Scene) -> None:
    path = before(scene)
    draft = scene.draft("RTR002")
    plan = draft.plan()
    assert draft.read(str(path)) == SITE.replace(":5000;", f":5000; include {KEY_FILE};").encode()
    held = draft.read(KEY_FILE) or b""
    assert f'Authorization "Bearer {KEY}"'.encode() in held
    assert KEY not in plan.diff()
    (file,) = [one for one in plan.files if one.path == KEY_FILE]
    assert file.after is not None
    assert (file.after.mode, file.after.uid) == (0o600, 0)
    assert plan.actions == (Reload("nginx.service"),)
    assert plan.parsers == (Parser(("/usr/sbin/nginx", "-t", "-q", "-c", str(path))),)


def test_a_unit_that_knows_no_reload_is_restarted_and_that_is_said(scene: Scene) -> None:
    before(scene)
    unit = scene.root / "units/nginx.service"
    unit.write_text(unit.read_text().replace("ExecReload=/bin/true\n", ""))
    assert scene.router is not None
    scene.router = replace(scene.router, unit=scene.unit_named("nginx.service", User=""))
    draft = scene.draft("RTR002")
    assert [one.kind for one in draft.plan().actions] == ["restart"]
    assert any("is restarted" in note for note in draft.notes)


def test_what_others_could_exchange_is_left_with_the_lines(scene: Scene) -> None:
    path = before(scene)
    os.chown(path, SERVICE.uid, 0)
    with pytest.raises(CannotFix, match="belongs to") as refused:
        scene.draft("RTR002")
    assert "Bearer <api_key>" in refused.value.manual


def test_without_a_unit_the_lines_are_printed(scene: Scene) -> None:
    before(scene)
    assert scene.router is not None
    scene.router = replace(scene.router, unit=None)
    with pytest.raises(CannotFix, match="no unit of the system's") as refused:
        scene.draft("RTR002")
    assert "Bearer <api_key>" in refused.value.manual


def test_on_nixos_the_lines_of_nix_are_printed(scene: Scene) -> None:
    before(scene)
    scene.machine = Machine(systemd=True, systemd_version=252, root=True, nixos=True)
    with pytest.raises(CannotFix, match=r"configuration\.nix") as refused:
        scene.draft("RTR002")
    lines = refused.value.manual.splitlines()
    assert f"# first: sudo install -D -m 600 /dev/null {KEY_FILE}" in lines
    text = f'services.nginx.virtualHosts._.locations."/v1/".extraConfig = "include {KEY_FILE};";'
    assert text in lines
    assert KEY not in refused.value.manual


def test_of_another_account_the_key_file_is_made_its_own() -> None:
    reading = nginx.read("/nix/store/x-nginx.conf", SITE, ("http://127.0.0.1:5000",))
    said = lines_of_nix(reading, Unit("nginx.service", {"User": "nginx"}), KEY_FILE, "x\n")
    assert "-m 600 -o nginx /dev/null" in said


@pytest.mark.parametrize("kind", ["module", "certificate", "pattern"])
def test_all_that_a_parser_of_roots_opens_counts(tmp_path: Path, kind: str) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    named = theirs / "x.so"
    named.write_text("")
    os.chown(theirs, SERVICE.uid, 0)
    line = {
        "module": f"load_module {named};",
        "certificate": f'ssl_certificate "{named}";',
        "pattern": f"lua_package_path '{theirs}/?.lua;;';",
    }[kind]
    texts = {"/etc/hosts": line}
    assert str(theirs) in exchangeable("/bin/true", texts, as_root=True)
    assert exchangeable("/bin/true", texts, as_root=False) == ""
    assert exchangeable("/bin/true", {"/etc/hosts": f"# {line}"}, as_root=True) == ""
    logged = {"/etc/hosts": f"access_log {named};"}
    assert exchangeable("/bin/true", logged, as_root=True) == ""


def test_what_a_parser_says_is_told_without_secrets() -> None:
    assert refusals([Parser(("/bin/true",))]) == ()
    (said,) = refusals([Parser(("/bin/sh", "-c", "echo no such directive >&2; exit 1"))])
    assert "no such directive" in said
    assert refusals([Parser(("/bin/sh", "-c", 'test "$X" = y'), environment={"X": "y"})]) == ()
    as_other = Parser(("/bin/sh", "-c", f"test $(id -u) = {SERVICE.uid}"), SERVICE.uid, SERVICE.gid)
    assert refusals([as_other]) == ()
