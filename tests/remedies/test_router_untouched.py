"""Keys of other servers stay theirs, also where what sends them is not followed."""

from __future__ import annotations

import pytest

from tabbydoctor.remedies.request import FixRequest, Strategy

from .router_scene import OTHER, applied, planned, router, well
from .scene import KEY, Scene

BOTH = """\
import requests
import yaml
{imports}

TABBY = "http://127.0.0.1:5000"


def load(path):
    with open(path) as file:
        return yaml.safe_load(file)


{keys}


def check_health():
    headers = {{"Authorization": "Bearer " + {key}}}
    return requests.get(TABBY + "/v1/models", headers=headers).status_code == 200


def forward(body):
    headers = {{"Authorization": "Bearer " + {key}}}
    return requests.post(TABBY + "/v1/chat/completions", json=body, headers=headers)


def far(body):
    return {far}
"""
WAYS = {
    "websocket": (
        "import websocket",
        'websocket.create_connection("ws://10.0.0.7/ws", header=["X-API-Key: " + {}])',
    ),
    "anthropic": (
        "import anthropic",
        'anthropic.Anthropic(api_key={}, base_url="http://10.0.0.7:5000").messages.create(**body)',
    ),
    "own module": ("from .clients import Far", "Far({}).send(body)"),
    "socket": ("import socket", 'socket.create_connection(("10.0.0.7", 80)).sendall({})'),
    "curl": ("import subprocess", 'subprocess.run(["curl", "-H", f"x-api-key: {{{}}}", body])'),
}


def text(way: str, keys: str, key: str, far: str) -> str:
    imports, sends = WAYS[way]
    return BOTH.format(imports=imports, keys=keys, key=key, far=sends.format(far))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("pair", ["a, b", "b, a"])
def test_of_two_keys_on_a_line_only_tabbyapis_may_be_a_list(
    scene: Scene, way: str, pair: str
) -> None:
    scene.write(scene.tokens, f"api_key:\n- {KEY}\nadmin_key: x\n", 0o600)
    old = scene.write(scene.root / "old/api_tokens.yml", f"api_key: {OTHER}\n")
    takes = {"a": f'load("{scene.tokens}")["api_key"]', "b": f'load("{old}")["api_key"]'}
    line = f"{pair} = {', '.join(takes[name] for name in pair.split(', '))}"
    path = router(scene, text(way, line, "a", "b"))
    assert scene.findings("RTR011")
    applied(scene, "router-tokens")
    assert f"\n{line.replace(takes['a'], '_tabby_key()')}\n" in path.read_text()
    assert scene.findings("RTR011") == []
    well(scene)


def test_of_two_admin_keys_on_a_line_only_tabbyapis_is_replaced(scene: Scene) -> None:
    line = f'a, b = load("{scene.tokens}")["admin_key"], load("/etc/far.yml")["admin_key"]'
    path = router(scene, text("own module", line, "a", "b"))
    assert scene.findings("RTR004")
    applied(scene)
    assert '\na, b = _tabby_key(), load("/etc/far.yml")["admin_key"]\n' in path.read_text()
    well(scene)


def test_the_same_key_taken_twice_on_a_line_is_replaced_twice(scene: Scene) -> None:
    line = f'a = load("{scene.tokens}")["admin_key"] or load("{scene.tokens}")["admin_key"]'
    path = router(scene, text("own module", line, "a", "body"))
    applied(scene)
    assert "\na = _tabby_key() or _tabby_key()\n" in path.read_text()
    well(scene)


def test_where_each_alone_mends_nothing_it_is_left(scene: Scene) -> None:
    taken = [f'load("{scene.tokens}")["admin_key"]', f"load('{scene.tokens}')['admin_key']"]
    line = f"import sys\n\na = {taken[0]} if len(sys.argv) > 1 else {taken[1]}"
    router(scene, text("own module", line, "a", "body"))
    scene.given[FixRequest] = FixRequest()
    draft = scene.draft("RTR004")
    assert "\n+a = _tabby_key()" not in draft.plan().diff()
    assert any("sends the admin key" in left for left in draft.manual)


@pytest.mark.parametrize("way", WAYS)
def test_a_tokens_file_that_something_unknown_is_sent_too_stays(scene: Scene, way: str) -> None:
    old = scene.write(scene.root / "old/api_tokens.yml", f"api_key: {OTHER}\n")
    keys = f'TOKENS = "{old}"\nkey = load(TOKENS)["api_key"]'
    path = router(scene, text(way, keys, "key", "key"))
    assert scene.findings("RTR005")
    applied(scene)
    assert f"\n{keys}\n" in path.read_text()
    well(scene)


def test_a_tokens_file_whose_path_is_given_to_something_unknown_stays(scene: Scene) -> None:
    old = scene.write(scene.root / "old/api_tokens.yml", f"api_key: {OTHER}\n")
    keys = f'TOKENS = "{old}"\nkey = load(TOKENS)["api_key"]'
    path = router(scene, text("own module", keys, "key", "TOKENS"))
    applied(scene)
    assert f'\nTOKENS = "{old}"\n' in path.read_text()
    well(scene)


def test_a_tokens_file_that_only_tabbyapi_is_sent_is_led_to_the_right_one(scene: Scene) -> None:
    old = scene.write(scene.root / "old/api_tokens.yml", f"api_key: {OTHER}\n")
    keys = f'TOKENS = "{old}"\nkey = load(TOKENS)["api_key"]'
    path = router(scene, text("anthropic", keys, "key", '"sk-its-own"'))
    applied(scene)
    assert f'\nTOKENS = "{scene.tokens}"\n' in path.read_text()
    well(scene)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("default", ["", ', ""'])
def test_a_variable_that_something_unknown_is_sent_too_is_not_set(
    scene: Scene, way: str, default: str
) -> None:
    keys = f'import os\n\nkey = os.environ.get("LLM_API_KEY"{default})'
    router(scene, text(way, keys, "key", "key"))
    assert scene.findings("RTR009")
    assert planned(scene, "router-env") == ""
    (left,) = scene.draft("RTR009").manual
    assert "other servers" in left


def test_a_variable_that_openai_takes_by_itself_is_not_set(scene: Scene) -> None:
    far = "OpenAI().chat.completions.create(**body)"
    imports = "import os\nfrom openai import OpenAI"
    keys = 'key = os.environ.get("OPENAI_API_KEY", "")'
    router(scene, BOTH.format(imports=imports, keys=keys, key="key", far=far))
    assert planned(scene, "router-env") == ""


HARMLESS = (
    "logging.getLogger().info('%d', len({}))",
    "hashlib.sha256({}.encode()).hexdigest()",
    "json.dumps({{'key': {}}})",
    "str({})",
    "httpx.Headers({{'Authorization': {}}})",
    "yaml.safe_load({})",
    "app.add_middleware(Keys, key={})",
    "anthropic.Anthropic(api_key={}, base_url=TABBY + '/v1')",
)


@pytest.mark.parametrize("use", HARMLESS)
@pytest.mark.parametrize("strategy", [None, "router-env"])
def test_what_sends_nothing_elsewhere_stands_in_no_way(
    scene: Scene, use: str, strategy: Strategy | None
) -> None:
    imports = "import anthropic, fastapi, hashlib, httpx, json, logging, os"
    keys = 'app = fastapi.FastAPI()\nkey = os.environ.get("LLM_API_KEY", "")'
    router(scene, BOTH.format(imports=imports, keys=keys, key="key", far=use.format("key")))
    assert scene.findings("RTR008") == []
    applied(scene, strategy)
    well(scene)
