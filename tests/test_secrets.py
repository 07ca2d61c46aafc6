"""No secret anywhere: keys planted in every file and answer turn up in no output of any command."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tabbydoctor import redaction
from tabbydoctor.cli.app import run
from tabbydoctor.demo import standin
from tabbydoctor.demo.deployment import demo_deployment
from tabbydoctor.reports.formats import FORMATS
from tests.sampling import sampled

API, ADMIN = "Zx9-planted-api-key-41", "Zx9-planted-admin-key-42"
OTHER = "Zx9-planted-other-key-43"
SPOILT_TOKENS = {
    "fine": f"api_key: {API}\nadmin_key: {ADMIN}\n",
    "list": f"api_key: [{API}, {OTHER}]\nadmin_key: {ADMIN}\n",
    "no admin key": f"api_key: {API}\n",
    "broken quote": f"api_key: '{API}\nadmin_key: {ADMIN}\n",
    "broken colon": f"api_key: {API}: {OTHER}\nadmin_key: {ADMIN}\n",
    "duplicate": f"api_key: {API}\napi_key: {OTHER}\nadmin_key: {ADMIN}\n",
    "nested": f"api_key: {{a: {API}}}\nadmin_key: [{ADMIN}]\n",
    "space": f"api_key: '{API} '\nadmin_key: '{ADMIN} x'\n",
    "bare": f"{API}\n",
    "list of keys": f"- {API}\n- {ADMIN}\n",
    "tab": f"api_key:\t{API}\n\tadmin_key: {ADMIN}\n",
    "alias": f"api_key: *{API}\nadmin_key: {ADMIN}\n",
}
CONFIG = f"""\
network:
  port: {{port}}
  api_key: {OTHER}
auth:
  disable: true
  api_key: {OTHER}
developer:
  unsafe_launch: true
  seqlog_api_key: {OTHER}
tokens: [{OTHER}]
"""
ROUTER = f'''\
import httpx, os
KEY = "{OTHER}"
PORT = {{port}}
async def check_health():
    async with httpx.AsyncClient() as c:
        r = await c.get(f"http://127.0.0.1:{{{{PORT}}}}/v1/models", headers={{{{"Authorization": f"Bearer {{{{KEY}}}}"}}}})
        return r.status_code == 200
async def forward(body):
    async with httpx.AsyncClient(headers={{{{"X-API-Key": "{OTHER}"}}}}) as c:
        return await c.post(f"http://127.0.0.1:{{{{PORT}}}}/v1/chat/completions", json=body)
'''  # noqa: E501

MISTAKEN = "Zx9-mistaken-argument-44"
"""A key that is given where none belongs."""
FORMS: list[Callable[[str], str]] = [
    str,
    lambda key: base64.b64encode(f":{key}::".encode()).decode(),
    lambda key: base64.b64encode(f"user:{key}".encode()).decode(),
    lambda key: base64.urlsafe_b64encode(f"a:{key}".encode()).decode(),
    lambda key: key.encode().hex(),
    lambda key: key.encode().hex().upper(),
    lambda key: "".join(f"%{ord(char):02x}" for char in key),
    lambda key: "".join(f"\\u{ord(char):04x}" for char in key),
    lambda key: f"{key[:12]}\n    {key[12:]}",
]
"""How a key is planted, too."""
COMMANDS = [
    ["check"],
    ["check", "--verbose"],
    ["check", "--format", "json"],
    *(["check", "--format", name] for name in FORMATS),
    ["config"],
    ["config", "--verbose"],
    ["config", "--format", "json"],
    ["vram"],
    ["vram", "--format", "json"],
    ["probe"],
    ["probe", "--format", "json"],
    ["probe", "--through-router"],
    ["probe", "--through-router", "--send", "--format", "json"],
    ["list"],
    ["explain", "TOK003"],
    ["fix", "--auth", "--dry-run"],
    ["fix", "--auth", "--dry-run", "--format", "json"],
    ["fix", "--auth", "--strategy", "router-env", "--dry-run"],
    ["fix", "--auth", "--strategy", "disable-auth", "--dry-run"],
    ["fix", "--all-safe", "--dry-run"],
    ["fix", "CFG003", "CFG004", "TOK004", "TOK005", "--dry-run", "--format", "json"],
    ["history"],
    ["history", "--format", "json"],
    ["list", "--format", "json"],
    ["explain", "TOK003", "--format", "json"],
    ["nix", "to-options"],
    ["schema"],
    ["undo"],
    ["bundle", "--output", "{place}/bundle.tar.gz"],
    ["check", "--format", "json", "--output", "{place}/report.json"],
    ["merge", "{place}/report.json"],
    ["merge", "{place}/report.json", "{place}/none.json", "--format", "json"],
    ["watch", "--record", "{place}/last.json", "--textfile", "{place}/metrics.prom"],
    ["install-timer", "--dry-run"],
    ["remove-timer"],
]
"""What is written into `{place}` is read, too."""
MISTAKES = [
    ["check", MISTAKEN],
    ["check", "--only", MISTAKEN],
    ["check", "--format", MISTAKEN],
    ["check", "--fail-on", MISTAKEN],
    *(["check", MISTAKEN, "--format", name] for name in FORMATS),
    ["check", "--timeout", MISTAKEN],
    ["check", f"--timeout={MISTAKEN}"],
    ["check", f"--api-key={MISTAKEN}"],
    ["check", "--output", f"/nonexistent/{MISTAKEN}"],
    ["fix", MISTAKEN],
    ["fix", "--auth", MISTAKEN],
    ["fix", "--auth", "--strategy", MISTAKEN],
    ["undo", MISTAKEN],
    ["explain", MISTAKEN],
    ["explain", MISTAKEN, "--format", "json"],
    ["config", "--format", MISTAKEN],
    ["probe", MISTAKEN],
    ["history", f"--token={MISTAKEN}"],
    ["nix", "to-config", MISTAKEN],
    ["schema", MISTAKEN],
    [MISTAKEN],
]


def plant(directory: Path, tokens: str, port: int) -> list[str]:
    """Keys wherever they could be; gives the targets."""
    (directory / "config.yml").write_text(CONFIG.format(port=port))
    (directory / "api_tokens.yml").write_text(tokens)
    (directory / "api_keys.yml").write_text(f"api_key: {OTHER}\n")
    (directory / "logs").mkdir(exist_ok=True)
    (directory / "logs/tabby.log").write_text(
        f"INFO Your API key is: {API}\nINFO Your admin key is: {ADMIN}\n"
        f"ERROR 1 validation error for AuthKeys\n  input_value={{'api_key': '{API}'}}\n"
        f"WARNING Failed to reload api_tokens.yml, keeping the previous keys: {OTHER}\n"
        f"INFO Headers: {{'authorization': 'Bearer {API}'}}\n"
        + "".join(f"ERROR OutOfMemoryError: seen {form(OTHER)} of it\n" for form in FORMS)
    )
    router = directory / "router.py"
    router.write_text(ROUTER.format(port=port))
    state = ["--state-dir", str(directory.parent / "state")]
    url = ["--url", f"http://127.0.0.1:{port}"]
    return ["--dir", str(directory), "--router", str(router), *url, *state]


def nothing_leaks(targets: list[str], place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        run([*(word.replace("{place}", str(place)) for word in command), *targets])
        text = capsys.readouterr()
        hidden(text.out + text.err, command)
        if "json" in command and "--output" not in command:
            json.loads(text.out)
    written = {path.name: path for path in place.iterdir() if path.is_file()}
    assert {*written} == {"bundle.tar.gz", "report.json", "last.json", "metrics.prom"}
    for name, path in written.items():
        content = path.read_bytes()
        hidden((gzip.decompress(content) if "gz" in name else content).decode(), [name])


def hidden(text: str, command: list[str]) -> None:
    """No key in any form: of an encoded one not even its middle."""
    for secret in (API, ADMIN, OTHER):
        for form in FORMS:
            written = form(secret)
            assert written[6:-6] not in text, (command, written)


@pytest.fixture
def tabby(tmp_path: Path) -> Path:
    directory = tmp_path / "TabbyAPI"
    directory.mkdir()
    standin.install(directory)
    return directory


@pytest.mark.parametrize("tokens", sampled(SPOILT_TOKENS.values(), 4), ids=SPOILT_TOKENS.keys())
def test_of_the_files(tabby: Path, tokens: str, capsys: pytest.CaptureFixture[str]) -> None:
    nothing_leaks(plant(tabby, tokens, port=1), tabby.parent, capsys)


def test_of_a_bundle_judged_elsewhere(tabby: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not even by a process that knows no key: what it hides is in the bundle no more."""
    path = str(tabby.parent / "bundle.tar.gz")
    run(["bundle", "--output", path, *plant(tabby, SPOILT_TOKENS["fine"], port=1)])
    for name in ("text", "json", *FORMATS):
        redaction.forget_all()
        assert run(["check", "--from", path, "--verbose", "--format", name]) == 1
        text = capsys.readouterr()
        hidden(text.out + text.err, [name])


def test_of_arguments(tabby: Path, capsys: pytest.CaptureFixture[str]) -> None:
    targets = plant(tabby, SPOILT_TOKENS["fine"], port=1)
    for command in MISTAKES:
        redaction.forget_all()
        assert run([*command, *targets]) == 2, command
        text = capsys.readouterr()
        assert "/nonexistent" in text.err or MISTAKEN not in text.out + text.err, command
        assert "/nonexistent" in text.err or MISTAKEN.upper() not in text.out + text.err, command


def test_of_repairs_and_their_records(tabby: Path, capsys: pytest.CaptureFixture[str]) -> None:
    targets = plant(tabby, SPOILT_TOKENS["fine"], port=1)
    repair = ["--yes", "--no-restart", "--ready-timeout", "1"]
    for command in (
        ["fix", "--all-safe", *repair],
        ["fix", "CFG004", "CFG003", *repair, "--format", "json"],
        ["fix", "--auth", "--strategy", "router-tokens", *repair],
        ["history"],
        ["history", "--format", "json"],
        ["undo"],
        ["undo"],
    ):
        run([*command, *targets])
        shown = capsys.readouterr()
        hidden(shown.out + shown.err, command)
    records = list((tabby.parent / "state").rglob("*.json"))
    assert records
    for record in records:
        hidden(record.read_text(), [str(record)])


ECHO = """\
import http.server, json, sys

class Echo(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open("received", "a") as file:
            file.write(f"{self.path}\\n{self.headers}")
        told = " ".join([f"{name}: {value}" for name, value in self.headers.items()] + sys.argv[1:])
        body = {"detail": told, "issues": [{"description": told}, {"time": told}]}
        if self.path.startswith("/.well-known/serviceinfo"):
            body = {"software": {"name": "TabbyAPI"}, "service": "TabbyAPI"}
        self.send_response(200 if "software" in body else 503)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture
def echo(tabby: Path) -> Iterator[int]:
    """The port of a TabbyAPI whose every error repeats the request's headers (and so the key), and
    the key in each of its forms."""
    (tabby / "main.py").write_text(ECHO)
    with subprocess.Popen(
        [sys.executable, "main.py", *(form(API) for form in FORMS)],
        cwd=tabby,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout
        yield int(server.stdout.readline())
        server.kill()


def test_of_a_servers_errors(tabby: Path, echo: int, capsys: pytest.CaptureFixture[str]) -> None:
    nothing_leaks(plant(tabby, SPOILT_TOKENS["fine"], echo), tabby.parent, capsys)
    received = (tabby / "received").read_text()
    assert API in received, "the key was sent, and came back in the error"
    assert ADMIN in received


def test_of_a_running_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with demo_deployment() as demo:
        text = (demo.directory / "api_tokens.yml").read_text()
        keys = [line.partition(": ")[2] for line in text.splitlines()]
        targets = ["--dir", str(demo.directory), "--url", demo.url, "--router", str(demo.router)]
        targets += ["--state-dir", str(demo.state)]
        for command in COMMANDS:
            run([*(word.replace("{place}", str(tmp_path)) for word in command), *targets])
            shown = capsys.readouterr()
            assert not any(key in shown.out + shown.err for key in keys), command
