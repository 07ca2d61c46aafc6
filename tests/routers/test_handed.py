"""What is handed to code that is not followed: it may be sent anywhere, and is no certain leak."""

from __future__ import annotations

import pytest

from tabbydoctor.routers import RouterReading, python
from tests.routers.cases import TABBY_URLS

SOURCE = """\
import asyncio, hashlib, hmac, json, logging, os, socket, subprocess
import anthropic, fastapi, grpc, httpx, requests, uvicorn, websockets, yaml
from .own import Far, redacted

TABBY = "http://127.0.0.1:5000"
TOKENS = "/srv/api_tokens.yml"
data = yaml.safe_load(open(TOKENS))
key = data["api_key"]
app = fastapi.FastAPI()
log = logging.getLogger()


def forward(body):
    headers = {{"Authorization": "Bearer " + key}}
    return requests.post(TABBY + "/v1/chat/completions", json=body, headers=headers)


def use(body):
    {use}
"""
LINE = SOURCE[: SOURCE.index("{use}")].count("\n") + 1
ELSEWHERE = (
    "anthropic.Anthropic(api_key=key)",
    "anthropic.Anthropic(api_key=key, base_url='http://10.0.0.7:5000')",
    "anthropic.Anthropic(default_headers={'x-api-key': key})",
    "grpc.secure_channel('far:443', grpc.access_token_call_credentials(key))",
    "websockets.connect('ws://10.0.0.7', extra_headers=[('x-api-key', key)])",
    "subprocess.run(['curl', '-H', 'x-api-key: ' + key])",
    "subprocess.Popen('far', env={'KEY': key})",
    "os.system('curl -H x-api-key:' + key)",
    "asyncio.create_subprocess_exec('curl', f'-Hx-api-key:{key}')",
    "socket.create_connection(('10.0.0.7', 80)).sendall(key.encode())",
    "Far(key)",
    "Far(data)",
    "Far(TOKENS)",
    "Far(body).ask(api_key=key)",
    "Far(body).ask(headers={'Authorization': 'Bearer ' + key})",
    "httpx.Request('POST', 'http://10.0.0.7', headers={'x-api-key': key})",
)
NOWHERE = (
    "log.info('a key of %d characters', len(key))",
    "log.info('with %s', key, extra={'key': key})",
    "logging.warning('with %s', key)",
    "yaml.safe_load(key)",
    "json.dumps({'key': key})",
    "str(key)",
    "print(key)",
    "hashlib.sha256(key.encode()).hexdigest()",
    "hmac.compare_digest(key, body)",
    "dict(Authorization=key)",
    "httpx.Headers({'Authorization': key})",
    "httpx.AsyncClient(headers={'Authorization': key})",
    "fastapi.HTTPException(401, headers={'Authorization': key})",
    "app.add_middleware(Far, api_key=key)",
    "uvicorn.run(app, headers=[('x', key)])",
    "redacted(key)",
    "os.path.join('/srv', key)",
    "anthropic.Anthropic(api_key=key, base_url=TABBY + '/v1')",
    "subprocess.run(['curl', '-H', 'x-api-key: ' + key, f'{TABBY}/v1/models'])",
    "websockets.connect('ws://localhost:5000/', extra_headers=[('x-api-key', key)])",
    "subprocess.run(['systemctl', 'restart', 'tabbyapi'])",
    "Far(body, TABBY)",
)


def read(use: str) -> RouterReading:
    return python.read("/opt/router.py", SOURCE.format(use=use), TABBY_URLS)


@pytest.mark.parametrize("use", ELSEWHERE)
def test_it_may_go_elsewhere(use: str) -> None:
    reading = read(use)
    assert reading.keys_elsewhere == ("file /srv/api_tokens.yml",)
    assert reading.sent_elsewhere == (LINE,)
    assert reading.leaks == ()


@pytest.mark.parametrize("use", NOWHERE)
def test_it_goes_nowhere(use: str) -> None:
    reading = read(use)
    assert (reading.keys_elsewhere, reading.sent_elsewhere, reading.leaks) == ((), (), ())


def test_another_key_is_not_tabbyapis() -> None:
    reading = read("Far(os.environ['FAR_API_KEY'], yaml.safe_load(open('/etc/far.yml'))['token'])")
    assert set(reading.keys_elsewhere) == {"environment FAR_API_KEY", "file /etc/far.yml"}
    assert reading.sent_elsewhere == ()


def test_what_is_no_key_is_not_told() -> None:
    reading = read("Far(os.environ['FAR_URL'], yaml.safe_load(open('/etc/far.yml'))['models'])")
    assert (reading.keys_elsewhere, reading.sent_elsewhere) == ((), ())
