"""Texts that no gateway takes, or that were made to harm: a reading, or why there is none."""

from __future__ import annotations

import pytest

from tabbydoctor.routers.kinds import BUILT_IN

LONG = "9" * 5000
TEXTS = {
    "an address that ends early": "server { location / { proxy_pass http://[::1; } }",
    "no address": "server { location / { proxy_pass http://[]:80; } }",
    "a port without end": f"server {{ listen {LONG}; location / {{ proxy_pass http://x:{LONG};}}}}",
    "a server without end": f"listen a\n    bind :{LONG}\n    server a 127.0.0.1:{LONG} check\n",
    "a status without end": (
        f"listen a\n    bind :80\n    option httpchk\n    http-check expect status {LONG}\n"
        "    server a 127.0.0.1:5000 check\n"
    ),
    "an upstream without end": f":80 {{\n    reverse_proxy 127.0.0.1:{LONG}\n}}\n",
    "a block without end": ":80 {\n    reverse_proxy 127.0.0.1:5000 {\n",
    "a proxy that is none": "models:\n  a:\n    proxy: http://[::1\n    cmd: x\n",
    "a command without end": f"models:\n  a:\n    cmd: tabby --port {LONG}\n",
    "an expression that ages": "server { location ~ ((a+)+)+$ { proxy_pass http://[::1]:5000; } }",
    "includes in a circle": "server { " + "include x; " * 9 + "proxy_pass http://[::1]:5000; }",
    "imports in a circle": "(a) {\n" + "    import a\n" * 9 + "}\n:80 {\n    import a\n}\n",
}


def named(text: str) -> str:
    """The name that its kind goes by, where it goes by one."""
    return "/x.yml" if text.startswith("models") else "/Caddyfile" if "import" in text else "/x"


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_none_is_a_traceback(text: str) -> None:
    path = "/etc/gateway/x"
    kind = BUILT_IN.named(BUILT_IN.of(named(text), text))
    assert kind is not None
    reading = kind.read(path, text, ("http://127.0.0.1:5000",), files={"/etc/gateway/x": text})
    assert reading.path == path


def test_files_that_include_each_other_come_to_an_end() -> None:
    kind = BUILT_IN.named("nginx")
    assert kind is not None
    text = "server { include /a/*; location / { proxy_pass http://127.0.0.1:5000; } }"
    files = {f"/a/{n}": "include /a/*;" for n in range(100)}
    reading = kind.read("/etc/nginx/x", text, ("http://127.0.0.1:5000",), files=files)
    assert reading.calls
    assert any("circle" in cut for cut in reading.cuts)
