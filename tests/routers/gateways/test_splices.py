"""Edits by places: what is not named stays to the byte."""

from __future__ import annotations

import pytest

from tabbydoctor.routers import caddy, haproxy, nginx
from tabbydoctor.routers.gateways.in_place import KeyPlacing
from tabbydoctor.routers.gateways.splices import TextEdit, spliced
from tabbydoctor.routers.kind import CannotGiveKey, PlacedKind

KEY, FILE = "a1" * 16, "/etc/tabbydoctor/x.service/key.conf"
PATH = "/etc/x.conf"


def edited(kind: PlacedKind, text: str, **further: str) -> dict[str, str]:
    placing = KeyPlacing(
        kind, PATH, ("http://127.0.0.1:5000",), FILE, lambda key: key.literal == KEY
    )
    held = kind.key_file.replace("<api_key>", KEY)
    return dict(placing.texts({PATH: text, FILE: held, **further}))


@pytest.mark.parametrize(
    ("text", "splice", "after"),
    [
        ("a;\r\nb;\r\n", TextEdit("", 2, 2, "x;\ny;", "  "), "a;\r\n  x;\r\n  y;\r\nb;\r\n"),
        ("a; # c\nb;\n", TextEdit("", 2, 2, "x;"), "a; # c\nx;\nb;\n"),
        ("{ a; }\n", TextEdit("", 4, 4, "x;\ny;", "  "), "{ a; x; y; }\n"),
        ("a;", TextEdit("", 2, 2, "x;"), "a;\nx;"),
        ("  a;\n  b;\n", TextEdit("", 2, 4), "  b;\n"),
        ("  a; b;\n", TextEdit("", 2, 4), "  b;\n"),
        ("  a; b; # c\n", TextEdit("", 5, 7), "  a; # c\n"),
    ],
)
def test_what_becomes_of_a_text(text: str, splice: TextEdit, after: str) -> None:
    assert spliced(text, [splice], "") == after


def test_the_headers_that_nginx_would_cancel_are_repeated() -> None:
    site = (
        "server {\r\n  listen 80;\r\n  proxy_set_header X-Real-IP $remote_addr;\r\n"
        '  proxy_set_header Authorization "Bearer old";\r\n'
        "  location /v1/ { proxy_pass http://127.0.0.1:5000; } # ours\r\n}\r\n"
    )
    added = f" proxy_set_header X-Real-IP $remote_addr; include {FILE};"
    assert edited(nginx, site)[PATH] == site.replace(":5000;", f":5000;{added}")


def test_a_snippet_that_others_include_is_not_changed_under_them() -> None:
    site = (
        "server {\n  listen 80;\n"
        "  location /v1/ { include /etc/s.conf; proxy_pass http://127.0.0.1:5000; }\n"
        "  location /w/ { include /etc/s.conf; proxy_pass http://127.0.0.1:8085; }\n}\n"
    )
    snippet = 'proxy_set_header Authorization "Bearer old-0123456789";\n'
    with pytest.raises(CannotGiveKey, match="more than the key"):
        edited(nginx, site, **{"/etc/s.conf": snippet})


def test_a_rule_of_haproxy_that_refuses_callers_still_sees_their_key() -> None:
    config = (
        "frontend f\n  mode http\n  bind :80\n  default_backend b\nbackend b\n  mode http\n"
        "  http-request deny unless { req.hdr(Authorization) -m found }\n"
        "  server s 127.0.0.1:5000\n"
    )
    lines = [line.split()[:2] for line in edited(haproxy, config)[PATH].splitlines()]
    assert lines.index(["http-request", "deny"]) < lines.index(["http-request", "set-header"])


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (
            nginx,
            "upstream m { server 127.0.0.1:5000; server unix:/run/other.sock; }\n"
            "server { listen 80; location / { proxy_pass http://m; } }\n",
        ),
        (
            haproxy,
            "listen l\n  mode http\n  bind :80\n  server a 127.0.0.1:5000\n"
            "  server b 10.0.0.2:5000 backup\n",
        ),
        (haproxy, "listen l\n  mode http\n  bind :80\n  server a 127.0.0.1:5000\n  server b /s\n"),
        (caddy, "http://:80 {\n  reverse_proxy 127.0.0.1:5000 10.0.0.2:5000\n}\n"),
        (caddy, "http://:80 {\n  reverse_proxy 127.0.0.1:5000 unix//run/other.sock\n}\n"),
    ],
)
def test_a_group_with_another_server_is_refused(kind: PlacedKind, text: str) -> None:
    with pytest.raises(CannotGiveKey, match="would be sent TabbyAPI's key"):
        edited(kind, text)
