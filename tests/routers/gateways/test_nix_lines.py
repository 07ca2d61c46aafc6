"""Gateways whose file is in the store: lines of Nix with the module's own options, and no edit."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tabbydoctor.routers.gateways.nix_lines import by_nix, key_by_rebuild
from tabbydoctor.routers.gateways.remedies import by_hand
from tabbydoctor.routers.kinds import BUILT_IN
from tests.routers.gateways.caddyfiles import CADDYFILES
from tests.routers.gateways.proxies import PROXIES
from tests.routers.gateways.sites import SITES
from tests.routers.gateways.traefiks import TOML_SITES

KINDS = {
    "nginx": "services.nginx.virtualHosts",
    "haproxy": "systemd.services.haproxy.serviceConfig.EnvironmentFile",
    "caddy": "services.caddy.environmentFile",
    "traefik": "services.traefik.dynamicConfigOptions.http",
    "litellm": "services.litellm.environmentFile",
    "llama-swap": "services.llama-swap.settings.peers",
    "open-webui": "services.open-webui.environmentFile",
}
FILES = {
    "nginx": ("nginx.conf", SITES),
    "haproxy": ("haproxy.conf", PROXIES),
    "caddy": ("Caddyfile", CADDYFILES),
    "traefik": ("config.toml", TOML_SITES),
}


@pytest.mark.parametrize(("kind", "option"), KINDS.items())
def test_the_lines_are_nix_and_name_the_option(kind: str, option: str) -> None:
    remedy = key_by_rebuild(kind, f"{kind}.service")
    assert any(line.startswith(option) for line in remedy.nix)
    assert remedy.commands[-1] == "sudo nixos-rebuild switch"
    assert not any("/nix/store" in command for command in remedy.commands)
    if parser := shutil.which("nix-instantiate"):
        text = "{ " + "\n".join(remedy.nix) + "\n}"
        subprocess.run([parser, "--parse", "-E", text], check=True, capture_output=True)


@pytest.mark.parametrize("kind", FILES)
def test_no_remedy_edits_the_store(kind: str) -> None:
    name, sites = FILES[kind]
    path = f"/nix/store/0123456789abcdfghijklmnpqrsvwxyz-{name}/{name}"
    reader = BUILT_IN.named(kind)
    assert reader is not None
    for site in sites:
        reading = reader.read(path, site.text, ("http://127.0.0.1:5000",))
        for concern in ("key", "wait", "path", "probe", "stream"):
            for remedy in by_hand(reading, concern):
                assert not any("sudoedit /nix" in one for one in remedy.commands)
                assert remedy.nix


@pytest.mark.parametrize(
    ("file", "command", "expected"),
    [
        ("/nix/store/0-x/config.toml", (), True),
        ("/etc/haproxy.cfg", ("/run/haproxy/haproxy", "-f", "/etc/haproxy.cfg"), False),
        ("/etc/haproxy.cfg", ("/nix/store/0-haproxy/bin/haproxy", "-f", "/etc/haproxy.cfg"), True),
        ("/etc/traefik/traefik.yml", ("/nix/store/0-traefik/bin/traefik",), False),
    ],
)
def test_whose_file_it_is(file: str, command: tuple[str, ...], expected: bool) -> None:
    kind = "haproxy" if "haproxy" in file else "traefik"
    assert by_nix(file, kind, command) is expected
