"""Open WebUI and SillyTavern themselves: what is printed for their files is what they send.

`SILLYTAVERN_DIR` names an installed copy (npm install sillytavern), `OPEN_WEBUI_PYTHON` an
interpreter that has Open WebUI.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tabbydoctor.routers import open_webui, sillytavern
from tabbydoctor.routers.gateways.text import edited_text
from tests.routers.gateways.running import Recorder, free_port, recorder

SILLYTAVERN = os.environ.get("SILLYTAVERN_DIR", "")
OPEN_WEBUI = os.environ.get("OPEN_WEBUI_PYTHON", "")
KEY = "a1" * 16
_STARTS_WITHIN = 180.0
SECRETS = (
    {"api_key_tabby": "wrong-key-0123456789", "api_key_openai": "sk-other"},
    {"api_key_tabby": "", "api_key_openai": "sk-other"},
)
ENVIRONMENTS = (
    "OPENAI_API_BASE_URL=http://127.0.0.1:{port}/v1\nOPENAI_API_KEY=wrong-key-0123456789\n",
    "OPENAI_API_BASE_URLS=http://127.0.0.1:{port}\nOPENAI_API_KEYS=\n",
)


@contextmanager
def serving(argv: list[str], directory: Path, port: int, **given: str) -> Iterator[None]:
    """A program, until it accepts connections."""
    with (directory / "output").open("wb") as output:
        process = subprocess.Popen(
            argv, cwd=directory, env={**os.environ, **given}, stdout=output, stderr=output
        )
    try:
        until = time.monotonic() + _STARTS_WITHIN
        while _asked(port, "GET", "/")[0] == 0:
            said = (directory / "output").read_text(errors="replace")[-2000:]
            assert process.poll() is None, said
            assert time.monotonic() < until, said
            time.sleep(0.2)  # until it listens, bounded above
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def _asked(
    port: int, method: str, path: str, body: object = None, token: str = ""
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    try:
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError:
        return 0, b""
    finally:
        connection.close()


def tavern_asks(directory: Path, secrets: str, tabby: Recorder) -> set[str | None]:
    """The keys that it sends to TabbyAPI when its page connects."""
    data = directory / "data"
    (data / "default-user").mkdir(parents=True, exist_ok=True)
    (data / "default-user" / "secrets.json").write_text(secrets)
    port = free_port()
    argv = ["node", f"{SILLYTAVERN}/server.js", "--port", str(port), "--dataRoot", str(data)]
    argv += ["--configPath", str(directory / "config.yaml"), "--disableCsrf"]
    argv += ["--browserLaunchEnabled=false"]
    tabby.asked.clear()
    with serving(argv, directory, port):
        given = {"api_type": "tabby", "api_server": f"http://127.0.0.1:{tabby.port}"}
        _asked(port, "POST", "/api/backends/text-completions/status", given)
    assert tabby.asked
    return {one.authorization for one in tabby.asked}


@pytest.mark.skipif(not SILLYTAVERN, reason="SILLYTAVERN_DIR names no copy of it")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("secrets", SECRETS)
def test_sillytaverns_line_is_what_it_sends(secrets: dict[str, Any], tmp_path: Path) -> None:
    text = json.dumps(secrets, indent=4)
    with recorder() as tabby:
        assert f"Bearer {KEY}" not in tavern_asks(tmp_path, text, tabby)
        edits = sillytavern.read("/secrets.json", text, ()).by_hand
        mended = edited_text(text, edits).replace("<api_key>", KEY)
        assert tavern_asks(tmp_path, mended, tabby) == {f"Bearer {KEY}"}


def webui_asks(directory: Path, environment: str, tabby: Recorder) -> set[tuple[str, str | None]]:
    """What it asks TabbyAPI for when its page lists the models."""
    variables = dict(line.split("=", 1) for line in environment.splitlines())
    port = free_port()
    given = {"DATA_DIR": str(directory), "WEBUI_AUTH": "False", "ENABLE_OLLAMA_API": "False",
             "OFFLINE_MODE": "True", "WEBUI_SECRET_KEY": "x", "FROM_INIT_PY": "true",
             "RAG_EMBEDDING_ENGINE": "openai"}  # fmt: skip
    argv = [OPEN_WEBUI, "-m", "uvicorn", "open_webui.main:app", "--port", str(port)]
    tabby.asked.clear()
    with serving(argv, directory, port, **given, **variables):
        empty = {"email": "", "password": ""}
        token = json.loads(_asked(port, "POST", "/api/v1/auths/signin", empty)[1])["token"]
        _asked(port, "GET", "/api/models", token=token)
    return {(one.path, one.authorization) for one in tabby.asked}


@pytest.mark.skipif(not OPEN_WEBUI, reason="OPEN_WEBUI_PYTHON names no interpreter with it")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_open_webuis_lines_are_what_it_sends(environment: str, tmp_path: Path) -> None:
    with recorder() as tabby:
        text = f"# Open WebUI\n{environment.format(port=tabby.port)}"
        urls = (f"http://127.0.0.1:{tabby.port}",)
        reading = open_webui.read("/srv/webui.env", text, urls)
        edits = reading.by_hand
        mended = edited_text(text, edits).replace("<api_key>", KEY).partition("\n")[2]
        for name, given in (("before", text.partition("\n")[2]), ("after", mended)):
            directory = tmp_path / name
            directory.mkdir()
            asked = webui_asks(directory, given, tabby)
            right = ("/v1/models", f"Bearer {KEY}")
            assert (asked == {right}) is (name == "after"), asked
