"""Files of a gateway that are written to cost time or memory: each is read in little of both."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tabbydoctor.routers import caddy, haproxy, nginx, traefik
from tabbydoctor.routers.patterns import fits

ROOT = Path(__file__).parents[3]
MEMORY, CPU = 700 << 20, 60
"""Bytes of address space, and seconds of CPU for all of one kind."""
CHILD = """
import sys
from tests.routers.gateways import test_hostile_files as hostile
kind, path, texts = hostile.KINDS[sys.argv[1]]
for name, text in texts.items():
    print(name, flush=True)
    kind.read(path, text, ("http://127.0.0.1:5000",), files=hostile.FILES.get(name))
"""
FILES: Mapping[str, Mapping[str, str]] = {
    "one file a thousand times": {
        "/etc/nginx/a": "server { location / { proxy_pass http://127.0.0.1:5000; } }" * 2500
    },
    "stars": {f"/etc/nginx/{'a' * 200}{number}": "" for number in range(5)},
    "files in files": {
        f"/etc/caddy/{name}": f"import /etc/caddy/{then}\n" * 500
        for name, then in (("a", "b"), ("b", "c"), ("c", "d"))
    },
}
_TO = "proxy_pass http://127.0.0.1:5000;"
NGINX = {
    "words of one line": "http { " + "aaaaaaaaa " * 99_000 + "; }",
    "long words of one line": "http { " + "a" * 60 + " " + ("b" * 60 + " ") * 15_000 + "; }",
    "locations": "http { server { "
    + "".join(f"location /a{number} {{ {_TO} }}\n" for number in range(9000))
    + " } }",
    "upstreams": "http { "
    + "".join(f"upstream u{n} {{ server 127.0.0.1:5000; }}\n" for n in range(5000))
    + " }",
    "a variable in itself": "http { server { set $a xxxxxxxxxx; "
    + "set $a $a$a$a$a; " * 60
    + f"location / {{ rewrite ^ $a; {_TO} }} }} }}",
    "one file a thousand times": "http { " + "include /etc/nginx/a; " * 1000 + "}",
    "stars": "http { include /etc/nginx/" + "*a" * 60 + "b; }",
}
_CADDY = ":80 {{\n{}\n}}\n"
_PROXY = "reverse_proxy 127.0.0.1:5000"
CADDY = {
    "snippets in snippets": "".join(
        f"(s{n}) {{\n" + f"import s{n + 1}\n" * 60 + "}\n" for n in range(4)
    )
    + f"(s4) {{\n{_PROXY}\n}}\n{_CADDY.format('import s0')}",
    "arguments in arguments": "".join(
        f"(s{n}) {{\nimport s{n + 1} " + "{args[0]}" * 2000 + "\n}\n" for n in range(3)
    )
    + "(s3) {\nrespond {args[0]}\n}\n"
    + _CADDY.format("import s0 " + "x" * 1000),
    "variables not closed": "{$A:" * 100_000,
    "a path replaced": _CADDY.format("uri replace / //\n" * 5000 + _PROXY),
    "a path in itself": _CADDY.format("rewrite * {uri}{uri}\n" * 60 + _PROXY),
    "sites": "".join(f"a{n}.x {{\n{_PROXY}\n}}\n" for n in range(9000)),
    "files in files": _CADDY.format("import /etc/caddy/a\n" * 500),
}
_HEAD = "defaults\n mode http\nfrontend f\n bind :80\n"
_BACK = " default_backend b\nbackend b\n server s 127.0.0.1:5000\n"
HAPROXY = {
    "conditions": _HEAD
    + "".join(f" acl a{n} path_beg /a{n}\n use_backend b if a{n}\n" for n in range(9000))
    + _BACK,
    "backends": "".join(f"backend b{n}\n server s 127.0.0.1:5000\n" for n in range(9000)) + _HEAD,
    "a path in itself": _HEAD + " http-request set-path %[path]%[path]\n" * 60 + _BACK,
    "defaults from defaults": "".join(f"defaults d{n} from d{n - 1}\n" for n in range(4000))
    + "frontend f from d3999\n bind :80\n default_backend b\n"
    + "backend b from d3999\n server s 127.0.0.1:5000\n",
    "a word of many parts": _HEAD + " acl a path " + "a\\ " * 200_000 + f"\n{_BACK}",
    "servers": _HEAD + _BACK + "".join(f" server s{n} 127.0.0.1:5000\n" for n in range(20_000)),
}
TRAEFIK = {
    "chains of chains": 'http:\n routers:\n  a: {rule: "PathPrefix(`/`)", service: s, '
    "middlewares: [c0]}\n middlewares:\n"
    + "".join(
        f"  c{n}: {{chain: {{middlewares: [{','.join([f'c{n + 1}'] * 12)}]}}}}\n" for n in range(14)
    )
    + " services:\n  s: {loadBalancer: {servers: [{url: 'http://127.0.0.1:5000'}]}}\n"
}
KINDS = {
    "nginx": (nginx, "/etc/nginx/nginx.conf", NGINX),
    "caddy": (caddy, "/etc/caddy/Caddyfile", CADDY),
    "haproxy": (haproxy, "/etc/haproxy/haproxy.cfg", HAPROXY),
    "traefik": (traefik, "/etc/traefik/dynamic.yml", TRAEFIK),
}


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU))


@pytest.mark.parametrize("kind", KINDS)
def test_no_file_takes_more_than_its_share(kind: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CHILD, kind],
        cwd=ROOT,
        preexec_fn=limited,
        capture_output=True,
        text=True,
        check=False,
    )
    read = ended.stdout.splitlines()
    assert ended.returncode == 0, (read[-1:], ended.stderr[-500:])
    assert len(read) == len(KINDS[kind][2])


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("nginx", "one file a thousand times"),
        ("caddy", "snippets in snippets"),
        ("caddy", "a path in itself"),
        ("haproxy", "a path in itself"),
        ("traefik", "chains of chains"),
    ],
)
def test_what_was_left_out_is_told(kind: str, name: str) -> None:
    module, path, texts = KINDS[kind]
    reading = module.read(path, texts[name], ("http://127.0.0.1:5000",), files=FILES.get(name))
    assert reading.incomplete


@pytest.mark.parametrize(
    ("path", "pattern", "named"),
    [
        ("/a/b.conf", "/a/*.conf", True),
        ("/a/b/c.conf", "/a/*.conf", False),
        ("/a/b/c.conf", "/a/*/c.*", True),
        ("/a/b", "/a/[!c]", True),
        ("/a/c", "/a/[!c]", False),
        ("/a/[b", "/a/[b", True),
        ("/a/b", "/a/?", True),
        ("/a/", "/a/*", True),
    ],
)
def test_a_pattern_names_files_of_its_directory(path: str, pattern: str, named: bool) -> None:
    assert fits(path, pattern) is named
