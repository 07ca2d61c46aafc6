"""`check` before real routers that run, in several languages: found, asked, judged."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tabbydoctor.demo import standin
from tests.contract.server import API_KEY, TOKENS, Program, Server, free_port, poll

from . import relay

DOCTOR = (sys.executable, "-m", "tabbydoctor", "check")
LIVE = Path(__file__).with_name("live")
ROUTERS = ("RTR001", "RTR002", "RTR005", "RTR010", "RTR013", "RTR019")
NEEDS_NODE = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
NEEDS_GO = pytest.mark.skipif(shutil.which("go") is None, reason="Go is not installed")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Program:
    directory = tmp_path_factory.mktemp("checkout")
    standin.install(directory)
    return Program("standin", sys.executable, directory / "main.py")


@pytest.fixture
def tabby(checkout: Program, tmp_path: Path) -> Iterator[Server]:
    """A running TabbyAPI with keys, its port in its config.yml."""
    with Server(checkout, tmp_path / "TabbyAPI") as server:
        text = f"network:\n  host: 127.0.0.1\n  port: {server.port}\n"
        server.start({"api_tokens.yml": TOKENS, "config.yml": text})
        yield server


@contextmanager
def running(
    argv: Sequence[str], directory: Path, port: int | None, **environment: str
) -> Iterator[int]:
    """A program, until the context ends; gives its pid once it listens on the port."""
    told = {"PATH": os.environ["PATH"], "HOME": str(directory), **environment}
    process = subprocess.Popen(
        argv, cwd=directory, env=told, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        if port is not None:
            poll(lambda: listens(port) or process.poll() is not None, f"port {port}")
            assert process.poll() is None
        yield process.pid
    finally:
        process.kill()
        process.wait()


def listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def check(tabby: Server, *arguments: str) -> dict[str, Any]:
    """What `check` says of the router, as one document, with its own words as `text`."""
    told = ["--format", "json", "--only", ",".join(ROUTERS), "--timeout", "30"]
    told += ["--dir", str(tabby.directory)]
    ran = subprocess.run(
        [*DOCTOR, *told, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    said: dict[str, Any] = json.loads(ran.stdout)
    assert API_KEY not in ran.stdout + ran.stderr
    return said


def found(said: Mapping[str, Any]) -> set[str]:
    """The ids with errors and warnings."""
    return {
        one["id"]
        for one in said["checks"]
        for finding in one["findings"]
        if finding["severity"] != "info"
    }


def evidence(said: Mapping[str, Any], id: str) -> str:
    """All that was seen for one check."""
    (one,) = [one for one in said["checks"] if one["id"] == id]
    return json.dumps([finding["evidence"] for finding in one["findings"]])


def node(directory: Path) -> list[str]:
    """The router in JavaScript, laid out."""
    shutil.copy(LIVE / "router.mjs", directory / "router.mjs")
    return [str(shutil.which("node")), "router.mjs"]


@NEEDS_NODE
@pytest.mark.parametrize(
    ("policy", "id"),
    [("passthrough", "RTR002"), ("none", "RTR002"), ("wrong", "RTR005"), ("table", "RTR019")],
)
def test_a_router_in_another_language(tabby: Server, tmp_path: Path, policy: str, id: str) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{tabby.port}"
    with running(node(tmp_path), tmp_path, port, UPSTREAM=url, PORT=str(port), POLICY=policy):
        said = check(tabby)
    assert said["deployment"]["router"] == {
        "path": str(tmp_path / "router.mjs"),
        "unit": None,
        "kind": "unknown",
    }
    assert found(said) == {id}
    assert f"http://127.0.0.1:{port}/v1/models" in evidence(said, id)
    assert said["exit_code"] == (0 if id == "RTR019" else 1)


@NEEDS_NODE
def test_a_router_in_another_language_that_sends_the_key(tabby: Server, tmp_path: Path) -> None:
    port = free_port()
    told = {"UPSTREAM": f"http://127.0.0.1:{tabby.port}", "KEY": API_KEY, "POLICY": "keyed"}
    with running(node(tmp_path), tmp_path, port, PORT=str(port), **told):
        said = check(tabby)
    assert found(said) == set()
    states = {one["id"]: one["status"] for one in said["checks"]}
    assert states["RTR019"] == "info"
    assert states["RTR002"] == "unknown"


@NEEDS_NODE
def test_a_health_check_is_seen_in_tabbyapi_s_log(tabby: Server, tmp_path: Path) -> None:
    port = free_port()
    told = {"UPSTREAM": f"http://127.0.0.1:{tabby.port}", "POLICY": "probe"}
    with running(node(tmp_path), tmp_path, port, PORT=str(port), **told) as pid:
        tabby.wait_log(r'"GET /v1/models HTTP/1\.1" 401')
        said = check(tabby)
    assert found(said) == {"RTR001"}
    assert f"of the router's process {pid}: 401" in evidence(said, "RTR001")


@NEEDS_GO
def test_a_router_with_the_address_built_in(tabby: Server, tmp_path: Path) -> None:
    source = (LIVE / "router.go").read_text().replace(":5099", f":{tabby.port}")
    (tmp_path / "router.go").write_text(source)
    program, port = tmp_path / "llm-gate", free_port()
    built = {**os.environ, "GOCACHE": str(tmp_path / "cache"), "GOFLAGS": "-mod=mod"}
    subprocess.run(["go", "build", "-o", program, "router.go"], cwd=tmp_path, env=built, check=True)
    with running([str(program)], tmp_path, port, PORT=str(port)):
        said = check(tabby)
    assert said["deployment"]["router"]["kind"] == "unknown"
    assert found(said) == {"RTR002"}


def test_an_unrelated_process_is_not_the_router(tabby: Server, tmp_path: Path) -> None:
    texts = {
        "server.py": "import httpx\nPAUSE = 5000\n" + SERVES,
        "router.py": "import httpx  # routes mail\nTABBY = 'a cat'\n" + SERVES,
        "client.py": CALLS.format(port=tabby.port),
    }
    with ExitStack() as programs:
        for name, text in texts.items():
            (tmp_path / name).write_text(text)
            port = free_port()
            argv = [sys.executable, name, str(port)]
            serving = None if name == "client.py" else port
            programs.enter_context(running(argv, tmp_path, serving))
        tabby.wait_log(r'"GET /health HTTP')
        said = check(tabby)
    assert said["deployment"]["router"] is None
    assert {one["status"] for one in said["checks"]} == {"skipped"}


SERVES = """\
import http.server, sys
handler = http.server.SimpleHTTPRequestHandler
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), handler).serve_forever()
"""
CALLS = """\
import http.client, time
connection = http.client.HTTPConnection("127.0.0.1", {port})
while True:
    connection.request("GET", "/health")
    connection.getresponse().read()
    time.sleep(0.1)
"""


def test_who_talks_to_tabbyapi_is_the_router_whatever_it_says(
    tabby: Server, tmp_path: Path
) -> None:
    """Its address stands nowhere: it is put together while it runs."""
    port = free_port()
    text = TALKS.format(first=tabby.port // 10, last=tabby.port % 10)
    (tmp_path / "serve.py").write_text(text)
    with running([sys.executable, "serve.py", str(port)], tmp_path, port):
        tabby.wait_log(r'"GET /v1/models HTTP/1\.1" 401')
        said = check(tabby)
    assert said["deployment"]["router"]["path"] == str(tmp_path / "serve.py")
    assert "connected to TabbyAPI" in said["deployment"]["found_by"]["router"]
    assert "RTR001" in found(said)


TALKS = """\
import http.client, http.server, sys, threading, time
connection = http.client.HTTPConnection("127.0.0.1", int("{first}" "{last}"))

def ask():
    while True:
        connection.request("GET", "/v1/models")
        connection.getresponse().read()
        time.sleep(0.1)

threading.Thread(target=ask, daemon=True).start()
handler = http.server.SimpleHTTPRequestHandler
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), handler).serve_forever()
"""


def test_check_sends_nothing_but_gets_of_allowed_paths(tabby: Server, tmp_path: Path) -> None:
    port = free_port()
    told = {"UPSTREAM": f"http://127.0.0.1:{tabby.port}", "KEY": API_KEY}
    told |= {"PORT": str(port), "RECORD": str(tmp_path / "record")}
    shutil.copy(relay.__file__, tmp_path / "relay.py")
    with running([sys.executable, "relay.py"], tmp_path, port, **told):
        (tmp_path / "record").write_text("")
        subprocess.run(
            [*DOCTOR, "--timeout", "60", "--dir", str(tabby.directory)],
            capture_output=True,
            check=False,
        )
    got = [json.loads(line) for line in (tmp_path / "record").read_text().splitlines()]
    assert {(method, path) for method, path, _ in got} == {("GET", "/v1/models")}
    assert {key for _, _, key in got} == {None, "Bearer tabbydoctor-wrong-key"}
    asked = [line for line in tabby.log.splitlines() if "HTTP/1.1" in line]
    assert asked
    assert all('"GET ' in line for line in asked)


def test_a_second_check_does_not_take_the_first_for_the_router_s(
    tabby: Server, tmp_path: Path
) -> None:
    """What was asked through it leaves unmarked lines in TabbyAPI's log."""
    port = free_port()
    told = {"UPSTREAM": f"http://127.0.0.1:{tabby.port}", "POLICY": "none", "PORT": str(port)}
    shutil.copy(relay.__file__, tmp_path / "relay.py")
    with running([sys.executable, "relay.py"], tmp_path, port, **told):
        for _ in range(2):
            said = check(tabby)
            assert found(said) == {"RTR002"}
