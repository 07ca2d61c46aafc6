"""How the log looks: wrapped on the console, whole in its file, with secrets in both."""

import re
import stat

import pytest

from .server import ADMIN_KEY, API_KEY, TOKENS, Server, bearer

pytestmark = pytest.mark.contract

STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}"
LONG_KEY = "0123456789abcdef" * 3


def test_the_console_wraps_at_80_columns(server: Server) -> None:
    server.start({"api_tokens.yml": f"api_key: {LONG_KEY}\nadmin_key: {ADMIN_KEY}\n"})
    assert max(map(len, server.console.splitlines())) <= 80
    assert re.search(r"^\(Press CTRL\+C to quit\)$", server.console, re.M)
    assert re.search(rf"^{STAMP} INFO:     Your API key is: \n{LONG_KEY}$", server.console, re.M)


def test_a_key_longer_than_a_line_is_cut(server: Server) -> None:
    server.start({"api_tokens.yml": f"api_key: {LONG_KEY * 2}\nadmin_key: {ADMIN_KEY}\n"})
    key = LONG_KEY * 2
    assert f"Your API key is: \n{key[:80]}\n{key[80:]}\n" in server.console


@pytest.mark.parametrize(
    "env", [{"TABBY_LOG_CONSOLE_WIDTH": "300"}, {"COLUMNS": "300"}], ids=["own", "columns"]
)
def test_its_width_can_be_set(server: Server, env: dict[str, str]) -> None:
    server.start({"api_tokens.yml": TOKENS}, env=env)
    assert f"Your API key is: {API_KEY}\n" in server.console


def test_the_file_is_whole_and_readable_by_everyone(server: Server) -> None:
    server.start({"api_tokens.yml": f"api_key: {LONG_KEY}\nadmin_key: {ADMIN_KEY}\n"})
    assert re.search(rf"^{STAMP} \| INFO     \| Your API key is: {LONG_KEY}$", server.log, re.M)
    (file,) = (server.directory / "logs").iterdir()
    assert re.fullmatch(r"[\d_-]+\.log", file.name)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_the_access_log_names_client_and_status(server: Server) -> None:
    server.start({"api_tokens.yml": TOKENS})
    server.request("/v1/models?a=b")
    server.wait_log(r'127\.0\.0\.1:\d+ - "GET /v1/models\?a=b HTTP/1\.1" 401\n')
    server.request("/v1/model", headers=bearer(API_KEY))
    server.wait_log(r'"GET /v1/model HTTP/1\.1" 503\n')
    assert "Sent to request: No models are currently loaded." in server.log


def test_a_less_than_sign_is_escaped_on_the_console_only(server: Server) -> None:
    server.start({"api_tokens.yml": TOKENS})
    server.write({"api_tokens.yml": "api_key: [\n"})
    server.wait_log("but found '<stream end>'")
    assert "\\<stream" in server.console


def test_request_logging_writes_keys(server: Server) -> None:
    config = "logging: {log_requests: true, log_prompt: true}\n"
    server.start({"config.yml": config, "api_tokens.yml": TOKENS})
    server.request("/health", headers=bearer("a-header-of-the-test"))
    server.wait_log(r"Information for GET request \w{32}:")
    assert re.search(r"Headers: \{.*'authorization': 'Bearer a-header-of-the-test'", server.log)
    assert "Generation logging is enabled for: prompts" in server.log


def test_a_crashed_request_leaves_a_traceback(server: Server) -> None:
    server.start({"api_tokens.yml": TOKENS})
    headers = {"X-Admin-Key": "wrong"} | bearer(API_KEY)
    assert server.request("/v1/models", headers=headers).status == 500
    server.wait_log("Exception in ASGI application")
    server.wait_log("ValueError: The provided authentication key is invalid.")
