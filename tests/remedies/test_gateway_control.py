"""What would show a gateway's key to other accounts: Caddy's admin endpoint, HAProxy's sockets."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.remedies.draft import CannotFix
from tabbydoctor.remedies.gateway_nix import lines_of_nix
from tabbydoctor.remedies.request import FixRequest
from tabbydoctor.routers import caddy
from tabbydoctor.tabbyapi.probes import Address

from .scene import ROOT, Scene

SITE = ":8002 {\n\treverse_proxy /v1/* 127.0.0.1:5000\n}\n"
UNIT = """\
[Service]
ExecStart=/usr/bin/caddy run --environ --config {path}
ExecReload=/usr/bin/caddy reload --config {path} --force
{more}
"""
DROP_IN = "units/caddy.service.d/zz-tabbydoctor-caddy-admin.conf"
SOCKET = "admin unix//run/tabbydoctor-caddy/admin.sock"


def before(scene: Scene, text: str, kind: str = "caddy", more: str = "", unit: str = UNIT) -> Path:
    """That gateway in front of the deployment."""
    name = "Caddyfile" if kind == "caddy" else "haproxy.cfg"
    path = scene.write(scene.root / kind / name, text, owner=0)
    scene.write(scene.root / f"units/{kind}.service", unit.format(path=path, more=more), owner=0)
    scene.router = RouterSite(
        str(path), kind, scene.unit_named(f"{kind}.service", User=""), None, ROOT
    )
    scene.given[FixRequest] = FixRequest(auth=True)
    scene.given[Address] = Address("http://127.0.0.1:5000", "127.0.0.1:5000", "its socket")
    return path


@pytest.mark.parametrize(
    ("options", "then"),
    [
        ("", f"{{\n\t{SOCKET}\n}}\n\n"),
        ("# ours\n{\n\temail a@b.c\n}\n", f"# ours\n{{\n\t{SOCKET}\n\temail a@b.c\n}}\n"),
        ("{\n\tadmin localhost:2019\n\tdebug\n}\n", f"{{\n\t{SOCKET}\n\tdebug\n}}\n"),
        ("{\n\tadmin off\n\tadmin :2019\n}\n", f"{{\n\t{SOCKET}\n}}\n"),
    ],
    ids=["no options", "without admin", "the default", "the last counts"],
)
def test_an_open_admin_endpoint_is_moved_and_restarted(
    scene: Scene, options: str, then: str
) -> None:
    path = before(scene, options + SITE)
    draft = scene.draft("RTR002")
    assert (draft.read(str(path)) or b"").decode().startswith(f"{then}:8002 {{\n")
    held = (draft.read(str(scene.root / DROP_IN)) or b"").decode()
    assert "\nRuntimeDirectory=tabbydoctor-caddy\nRuntimeDirectoryMode=0700\n" in held
    assert [one.kind for one in draft.plan().actions] == ["daemon-reload", "restart"]
    assert any("admin endpoint moves" in note for note in draft.notes)


@pytest.mark.parametrize(
    ("options", "action"),
    [("admin off", "restart"), ("admin unix//run/caddy/a.sock", "reload")],
)
def test_a_closed_one_is_left(scene: Scene, options: str, action: str) -> None:
    path = before(scene, f"{{\n\t{options}\n}}\n{SITE}")
    draft = scene.draft("RTR002")
    assert (draft.read(str(path)) or b"").decode().startswith(f"{{\n\t{options}\n}}\n:8002")
    assert draft.read(str(scene.root / DROP_IN)) is None
    assert [one.kind for one in draft.plan().actions] == [action]


@pytest.mark.parametrize("imported", ["whole", "within"])
def test_options_of_another_file_are_changed_there(scene: Scene, imported: str) -> None:
    line = "admin 127.0.0.1:2019\n"
    text = "import more.conf\n" if imported == "whole" else "{\n\timport more.conf\n}\n"
    path = before(scene, text + SITE)
    more = f"{{\n\t{line}}}\n" if imported == "whole" else line
    other = scene.write(path.parent / "more.conf", more, owner=0)
    draft = scene.draft("RTR002")
    main = (draft.read(str(path)) or b"").decode()
    assert SOCKET in (main + (draft.read(str(other)) or b"").decode())
    assert line not in (draft.read(str(other)) or b"").decode()
    assert (SOCKET in main) == (imported == "within")


@pytest.mark.parametrize(
    ("options", "more", "why"),
    [
        ("admin 10.0.0.1:2019", "", "was given the address 10.0.0.1:2019"),
        ("admin localhost:2999", "", "was given the address localhost:2999"),
        ("admin fd/3", "", "was given the address fd/3"),
        ("admin unix//run/a.sock|0666", "", "was given the address unix"),
        ("admin unix//run/a.sock", "UMask=0", "was given the address unix"),
        ("admin localhost:2019 {\n\t\torigins a.b\n\t}", "", "settings of its own"),
        ("servers {\n\t\tmetrics\n\t}", "", "measurements"),
        ("debug", "ExecReload=/usr/bin/curl localhost:2019/load", "might ask it where it was"),
        (
            "debug",
            "ExecReload=/usr/bin/caddy reload --config /x --address localhost:2019",
            "might ask it where it was",
        ),
        ("debug", "RuntimeDirectory=caddy", "that others may enter"),
        ("debug", "Environment=CADDY_ADMIN=localhost:2020", "CADDY_ADMIN says"),
    ],
)
def test_one_that_somebody_chose_is_refused_with_the_lines(
    scene: Scene, options: str, more: str, why: str
) -> None:
    path = before(scene, f"{{\n\t{options}\n}}\n{SITE}", more=more)
    given = dict(one.split("=", 1) for one in [more] if more.startswith("Environment"))
    assert scene.router is not None
    unit = scene.unit_named("caddy.service", User="", **given)
    scene.router = RouterSite(str(path), "caddy", unit, None, ROOT)
    with pytest.raises(CannotFix, match=why) as refused:
        scene.draft("RTR002")
    if "CADDY_ADMIN" not in why:
        assert f"\t{SOCKET}\n" in refused.value.manual
        assert "sudo systemctl restart caddy.service" in refused.value.manual


def test_on_nixos_it_is_closed_by_lines_of_nix() -> None:
    reading = caddy.read("/etc/caddy/Caddyfile", SITE, ("http://127.0.0.1:5000",))
    said = lines_of_nix(reading, Unit("caddy.service", {"User": "caddy"}), "/x.conf", "x\n")
    assert 'services.caddy.globalConfig = "admin unix//run/caddy-admin/admin.sock";' in said
    assert 'systemd.services.caddy.serviceConfig.RuntimeDirectoryMode = "0700";' in said


HAPROXY = """\
global
    {given}
defaults
    mode http
frontend llm
    bind 127.0.0.1:8002
    default_backend tabby
backend tabby
    server one 127.0.0.1:5000
"""
OF_HAPROXY = "[Service]\nExecStart=/usr/sbin/haproxy -Ws -f {path} {more}\nExecReload=/bin/true\n"


@pytest.mark.parametrize(
    ("given", "more", "why"),
    [
        ("stats socket ipv4@127.0.0.1:9999 level user", "", "no Unix socket"),
        ("stats socket abns@haproxy", "", "no Unix socket"),
        ("stats socket /run/h.sock mode 666 level user", "", r"\(mode 666\)"),
        ("unix-bind mode 777\n    stats socket /run/h.sock", "", r"\(mode 777\)"),
        ("maxconn 9", "-S 127.0.0.1:9999", "-S: "),
        ("maxconn 9", "-S /run/master.sock,mode,666", r"\(mode 666\)"),
    ],
)
def test_an_open_socket_of_haproxy_is_refused(
    scene: Scene, given: str, more: str, why: str
) -> None:
    before(scene, HAPROXY.format(given=given), "haproxy", more, OF_HAPROXY)
    with pytest.raises(CannotFix, match=why) as refused:
        scene.draft("RTR002")
    assert "mode 600" in refused.value.manual


@pytest.mark.parametrize(
    "given",
    [
        "stats socket /run/h.sock mode 660 level admin",
        "stats socket unix@/run/h.sock",
        "unix-bind mode 777\n    stats socket /run/h.sock mode 600",
    ],
)
def test_one_of_roots_does_not_matter(scene: Scene, given: str) -> None:
    before(scene, HAPROXY.format(given=given), "haproxy", "-S /run/master.sock", OF_HAPROXY)
    assert [one.kind for one in scene.draft("RTR002").plan().actions] == ["reload"]
