"""The endpoint and credential table of a server without a model."""

from collections.abc import Callable
from typing import Any

import pytest

from .server import ADMIN_KEY, API_KEY, TOKENS, Server, bearer

pytestmark = pytest.mark.contract

NO_API = {"detail": "Please provide an API key"}
BAD_API = {"detail": "Invalid API key"}
NO_ADMIN = {"detail": "Please provide an admin key"}
BAD_ADMIN = {"detail": "Invalid admin key"}
NO_MODEL = {"detail": "No models are currently loaded."}
NOT_FOUND = {"detail": "Could not find the model path for load. Check model name or config.yml?"}

NONE: dict[str, str] = {}
CREDENTIALS = (
    NONE,
    bearer("wrong"),
    bearer(API_KEY),
    bearer(ADMIN_KEY),
    {"X-Admin-Key": ADMIN_KEY},
)
CHAT = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}

Row = tuple[str, str, Any, tuple[tuple[int, Any], ...]]
OPEN = ((200, None),) * 5
NEEDS_MODEL = ((401, NO_API), (401, BAD_API), (503, NO_MODEL), (503, NO_MODEL), (401, NO_API))
CRASHES = ((401, NO_API), (401, BAD_API), (500, None), (500, None), (401, NO_API))
TABLE: dict[str, Row] = {
    "health": ("GET", "/health", None, ((200, {"status": "healthy", "issues": []}),) * 5),
    "serviceinfo": ("GET", "/.well-known/serviceinfo", None, OPEN),
    "openapi": ("GET", "/openapi.json", None, OPEN),
    "docs": ("GET", "/docs", None, OPEN),
    "permission": (
        "GET",
        "/v1/auth/permission",
        None,
        (
            (401, NO_API),
            (401, BAD_API),
            (200, {"permission": "api"}),
            (200, {"permission": "admin"}),
            (401, NO_API),
        ),
    ),
    "models": (
        "GET",
        "/v1/models",
        None,
        (
            (401, NO_API),
            (401, BAD_API),
            (200, {"object": "list", "data": []}),
            (200, None),
            (401, NO_API),
        ),
    ),
    "model": ("GET", "/v1/model", None, NEEDS_MODEL),
    "chat": ("POST", "/v1/chat/completions", CHAT, NEEDS_MODEL),
    "chat naming a model": ("POST", "/v1/chat/completions", CHAT | {"model": "x"}, CRASHES),
    "completion": ("POST", "/v1/completions", {"prompt": "Hi"}, NEEDS_MODEL),
    "completion naming a model": ("POST", "/v1/completions", {"prompt": "", "model": "x"}, CRASHES),
    "load": (
        "POST",
        "/v1/model/load",
        {"model_name": "x"},
        (
            (401, NO_ADMIN),
            (401, BAD_ADMIN),
            (401, BAD_ADMIN),
            (400, NOT_FOUND),
            (400, NOT_FOUND),
        ),
    ),
    "unload": (
        "POST",
        "/v1/model/unload",
        None,
        ((401, NO_ADMIN), (401, BAD_ADMIN), (401, BAD_ADMIN), (503, NO_MODEL), (503, NO_MODEL)),
    ),
}


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_table(running: Server, row: Row) -> None:
    method, path, body, expected = row
    for headers, (status, document) in zip(CREDENTIALS, expected, strict=True):
        reply = running.request(path, method, headers, body)
        assert reply.status == status, headers
        assert document is None or reply.json == document
        assert "www-authenticate" not in reply.headers
        if status == 500:
            assert reply.text == "Internal Server Error"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-API-Key": API_KEY}, 200),
        ({"X-API-Key": ADMIN_KEY}, 200),
        ({"x-api-key": f"Bearer {API_KEY}"}, 401),
        ({"Authorization": f"bEARER {API_KEY}"}, 200),
        ({"Authorization": API_KEY}, 401),
        ({"Authorization": f"Bearer  {API_KEY}"}, 401),
        ({"Authorization": f"Token {API_KEY}"}, 401),
        ({"Authorization": f"Bearer {API_KEY} trailing"}, 200),
        ({"X-API-Key": "wrong"} | bearer(API_KEY), 401),
        ({"X-API-Key": ""} | bearer(API_KEY), 500),
        ({"X-API-Key": API_KEY} | bearer("wrong"), 200),
        ({"X-Admin-Key": "wrong"} | bearer(API_KEY), 500),
        ({"X-Admin-Key": ADMIN_KEY} | bearer(API_KEY), 200),
    ],
)
def test_which_header_counts(running: Server, headers: dict[str, str], status: int) -> None:
    assert running.request("/v1/models", headers=headers).status == status


def test_a_wrong_admin_key_beside_a_good_bearer_has_no_permission(running: Server) -> None:
    headers = {"X-Admin-Key": "wrong"} | bearer(API_KEY)
    reply = running.request("/v1/auth/permission", headers=headers)
    assert reply.status == 400
    assert reply.json == {"detail": "The provided authentication key is invalid."}


def test_only_the_admin_key_sees_models_that_are_not_loaded(running: Server) -> None:
    reply = running.request("/v1/model/list", headers=bearer(ADMIN_KEY))
    (card,) = reply.json["data"]
    assert card.pop("created") > 0
    expected = {"id": "unloadable", "object": "model", "owned_by": "tabbyAPI"}
    assert card == expected | {"logging": None, "parameters": None}


def test_service_info_names_the_software(running: Server) -> None:
    reply = running.request("/.well-known/serviceinfo")
    assert reply.json["software"]["name"] == "TabbyAPI"
    assert reply.json["api"]["openai"]["relative_url"] == "/v1"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/health", 405),
        ("POST", "/health", 405),
        ("OPTIONS", "/v1/models", 405),
        ("GET", "/v1/chat/completions", 405),
        ("GET", "/", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/api/v1/model", 404),
        ("GET", "/health/", 307),
        ("GET", "//health", 404),
        ("HEAD", "/docs", 200),
        ("GET", "/health?verbose=1", 200),
    ],
)
def test_methods_and_paths(running: Server, method: str, path: str, status: int) -> None:
    reply = running.request(path, method)
    assert reply.status == status
    assert reply.headers["server"] == "uvicorn"
    assert ("allow" in reply.headers) == (status == 405)
    assert ("location" in reply.headers) == (status == 307)


@pytest.mark.parametrize(
    ("headers", "body", "status", "kind"),
    [
        (NONE, "{", 422, "json_invalid"),
        (NONE, "{}", 401, None),
        (bearer(API_KEY), "{}", 422, "missing"),
        (bearer(API_KEY), "[]", 422, "model_attributes_type"),
        (bearer(API_KEY) | {"Content-Type": "text/plain"}, "{}", 422, "model_attributes_type"),
    ],
)
def test_bodies_that_are_no_request(
    running: Server, headers: dict[str, str], body: str, status: int, kind: str | None
) -> None:
    reply = running.request("/v1/chat/completions", "POST", headers, body)
    assert reply.status == status
    if kind is not None:
        assert reply.json["detail"][0]["type"] == kind


def test_a_directory_without_a_model_fails_within_the_stream(running: Server) -> None:
    body = {"model_name": "unloadable"}
    reply = running.request("/v1/model/load", "POST", bearer(ADMIN_KEY), body)
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert 'data: {"error":' in reply.text
    assert "Failed to load config.json from" in reply.text


def test_any_web_page_may_call(running: Server) -> None:
    origin = {"Origin": "http://page.example"}
    reply = running.request("/health", headers=origin)
    assert reply.headers["access-control-allow-origin"] in ("*", "http://page.example")
    assert reply.headers["access-control-allow-credentials"] == "true"
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    reply = running.request("/v1/model/load", "OPTIONS", origin | asked)
    assert reply.status == 200
    assert reply.headers["access-control-allow-origin"] == "http://page.example"
    assert reply.headers["access-control-allow-headers"] == "authorization"


def test_with_authentication_off_everyone_is_admin(server: Server) -> None:
    server.start({"config.yml": "network: {disable_auth: true}\n"})
    for headers in CREDENTIALS:
        reply = server.request("/v1/auth/permission", headers=headers)
        assert reply.json == {"permission": "admin"}
    assert server.request("/v1/model/load", "POST", body={"model_name": "x"}).status == 400


def test_inline_loading_wants_the_admin_key(server: Server) -> None:
    files = {"config.yml": "model: {inline_model_loading: true}\n", "api_tokens.yml": TOKENS}
    server.start(files)
    chat = CHAT | {"model": "other"}
    reply = server.request("/v1/chat/completions", "POST", bearer(API_KEY), chat)
    assert reply.status == 401
    detail = "Unable to switch model to other because an admin key isn't provided"
    assert reply.json == {"detail": detail}
    assert server.request("/v1/chat/completions", "POST", bearer(ADMIN_KEY), chat).status == 500
    assert server.request("/v1/chat/completions", "POST", bearer(API_KEY), CHAT).status == 503


def test_kobold_routes_use_the_same_keys(make: Callable[[], Server]) -> None:
    server = make()
    config = "network: {api_servers: [Kobold]}\n"
    server.start({"config.yml": config, "api_tokens.yml": TOKENS})
    assert server.request("/api/v1/info/version").status == 200
    assert server.request("/api/extra/version").json["result"] == "KoboldCpp"
    assert server.request("/api/v1/model").json == NO_API
    assert server.request("/api/v1/model", headers=bearer(API_KEY)).status == 503
    assert server.request("/v1/completions", "POST", body={"prompt": ""}).status == 404


def test_dummy_models_are_listed(server: Server) -> None:
    config = "model: {use_dummy_models: true, dummy_model_names: [gpt-x]}\n"
    server.start({"config.yml": config, "api_tokens.yml": TOKENS})
    reply = server.request("/v1/models", headers=bearer(API_KEY))
    assert [card["id"] for card in reply.json["data"]] == ["gpt-x"]


def test_without_a_models_directory_the_admin_cannot_list(server: Server) -> None:
    (server.directory / "models").rmdir()
    server.start({"api_tokens.yml": TOKENS})
    assert server.request("/v1/models", headers=bearer(ADMIN_KEY)).status == 500
    assert server.accepts(API_KEY)
