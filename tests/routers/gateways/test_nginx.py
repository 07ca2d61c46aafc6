"""nginx: what is read of a site is what the real nginx does with it."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tabbydoctor.routers import nginx as kind
from tabbydoctor.routers.gateways.text import edited_text
from tests.routers.gateways.agreement import KEY, Behind, agrees, is_edited_in_place, lines_help
from tests.routers.gateways.running import CALLERS_KEY, ask, free_port, nginx, recorder
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


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.name)
def test_it_is_edited_in_place(site: Site, tmp_path: Path) -> None:
    is_edited_in_place(kind, nginx, PATH, site, tmp_path)


def test_there_are_enough_of_both() -> None:
    assert len(HEALTHY) >= 10
    assert len({site.name for site in SITES}) == len(SITES)


MAIN = """\
user www-data;
events {}
http {
    proxy_read_timeout 600s;
    include /etc/nginx/conf.d/*.conf;
    include sites-enabled/*;
}
"""
OTHER = """\
server {
    listen 80;
    server_name blog.example;
    if ($host = www.blog.example) { rewrite ^ https://blog.example$request_uri? permanent; }
    location / { proxy_pass http://127.0.0.1:8081; }
}
"""


@pytest.mark.parametrize(
    ("more", "cut"),
    [
        ({}, ""),
        ({"/etc/nginx/conf.d/blog.conf": OTHER}, ""),
        ({"/etc/nginx/conf.d/any.conf": OTHER.replace("127.0.0.1:8081", "$where")}, "$where"),
        ({"/etc/nginx/conf.d/broken.conf": "server {"}, "broken.conf:1 is not valid nginx"),
    ],
)
def test_a_site_is_read_as_its_main_file_includes_it(more: dict[str, str], cut: str) -> None:
    site = "server { server_name llm.example; location / { proxy_pass http://127.0.0.1:5000; } }"
    files = {"/etc/nginx/nginx.conf": MAIN, **more}
    reading = kind.read(
        "/etc/nginx/sites-enabled/llm", site, ("http://127.0.0.1:5000",), files=files
    )
    (wait,) = reading.waits
    assert (wait.file, wait.line, wait.seconds) == ("/etc/nginx/nginx.conf", 4, 600)
    assert bool(reading.cuts) == bool(cut)
    assert cut in "".join(reading.cuts)


@pytest.mark.parametrize(
    "block",
    [
        "access_by_lua_block { ngx.req.set_header('Authorization', 'Bearer ' .. key({1})) }",
        "rewrite_by_lua_file /etc/nginx/key.lua;",
        "auth_request_set $key $upstream_http_key;",
    ],
)
def test_what_a_program_does_is_not_passed_off_as_known(block: str) -> None:
    text = f"server {{ location / {{ {block} proxy_pass http://127.0.0.1:5000; }} }}"
    (call,) = kind.read("/etc/nginx/conf.d/x.conf", text, ("http://127.0.0.1:5000",)).calls
    assert call.sends_key is None


@pytest.mark.parametrize(
    "text", ["server {", "}", "server { location / { proxy_pass", "server { ; }", '"', "a {" * 99]
)
def test_what_is_no_configuration_is_told_with_its_line(text: str) -> None:
    reading = kind.read("/etc/nginx/conf.d/x.conf", text, ("http://127.0.0.1:5000",))
    assert reading.problem.startswith("not valid nginx")
    assert reading.line == 1


def test_a_hostile_expression_takes_no_age() -> None:
    text = (
        "server { location ~ ^/(a+)+$ { proxy_pass http://127.0.0.1:5000; } "
        f"location /{'a' * 200}b {{ proxy_pass http://127.0.0.1:5000; }} }}"
    )
    assert kind.read("/x.conf", text, ("http://127.0.0.1:5000",)).calls


class Streaming(BaseHTTPRequestHandler):
    """Sends a token as TabbyAPI's streams do, and the next one when it was seen."""

    seen = threading.Event()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("X-Accel-Buffering", "no")
        self.end_headers()
        self.wfile.write(b"data: one\n\n")
        self.seen.wait(20)
        self.wfile.write(b"data: two\n\n")

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


def test_buffering_by_default_holds_no_stream_back(tmp_path: Path) -> None:
    """TabbyAPI's `X-Accel-Buffering: no` is obeyed: the first token comes before the last."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Streaming)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    port = free_port()
    text = (
        f"server {{ listen 127.0.0.1:{port}; "
        f"location / {{ proxy_pass http://127.0.0.1:{server.server_port}; }} }}\n"
    )
    assert kind.read(PATH, text, (f"http://127.0.0.1:{server.server_port}",)).buffers == ()
    with nginx(tmp_path, text, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
        connection.request("GET", "/v1/stream")
        answer = connection.getresponse()
        first = answer.readline()
        Streaming.seen.set()
        assert first == b"data: one\n"
        assert b"two" in answer.read()
        connection.close()
    server.shutdown()
    server.server_close()
