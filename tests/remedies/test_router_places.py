"""Several servers, or several places of their tokens: only what is at fault is touched."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tabbydoctor.host.data import HttpAnswer
from tabbydoctor.remedies.draft import CannotFix
from tabbydoctor.remedies.request import Strategy
from tabbydoctor.tabbyapi.probes import Address, Endpoint

from .router_scene import OTHER, applied, judged, planned, router, well
from .scene import KEY, Scene

# Two servers, each with its own tokens file

TWO = """\
import httpx
import yaml

A = "http://127.0.0.1:5000"
B = "http://127.0.0.1:5900"
A_TOKENS = "{a}"
B_TOKENS = "{b}"


def headers(path):
    with open(path) as file:
        return {{"Authorization": "Bearer " + yaml.safe_load(file)["api_key"]}}


def check_a():
    return httpx.get(A + "/v1/models", headers=headers(A_TOKENS)).status_code == 200


def check_b():
    return httpx.get(B + "/v1/models", headers=headers(B_TOKENS)).status_code == 200


def forward_a(body):
    return httpx.post(A + "/v1/chat/completions", json=body{sent})


def forward_b(body):
    return httpx.post(B + "/v1/chat/completions", json=body, headers=headers(B_TOKENS))
"""
B_KEY = "b" * 32


def two_servers(scene: Scene, a: Path, sent: str = ", headers=headers(A_TOKENS)") -> Path:
    b = scene.write(scene.root / "tabby2/api_tokens.yml", f"api_key: {B_KEY}\nadmin_key: x\n")
    return router(scene, TWO.format(a=a, b=b, sent=sent))


def sent_by(path: Path, function: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The Authorization that a function of the source sends, for real."""
    seen: list[httpx.Request] = []

    def answer(_: object, request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", answer)
    names: dict[str, Callable[..., object]] = {}
    exec(compile(path.read_text(), str(path), "exec"), names)
    arguments: tuple[object, ...] = () if function.startswith("check") else ({},)
    names[function](*arguments)
    return str(seen[-1].headers.get("authorization", ""))


@pytest.mark.parametrize("strategy", [None, "router-tokens", "router-env"])
def test_each_of_two_servers_with_its_own_tokens_is_well(
    scene: Scene, strategy: Strategy | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = two_servers(scene, scene.tokens)
    well(scene, strategy)
    assert scene.draft("RTR005").manual == []
    assert sent_by(path, "check_b", monkeypatch) == f"Bearer {B_KEY}"


@pytest.mark.parametrize("fault", ["no key", "not there", "the other's", "a list"])
def test_the_other_server_keeps_its_own_key(
    scene: Scene, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = scene.root / "tabby2/api_tokens.yml"
    a = {"not there": scene.root / "nothing/api_tokens.yml", "the other's": other}
    if fault == "a list":
        scene.write(scene.tokens, f"api_key:\n- {KEY}\n- {'c' * 32}\nadmin_key: x\n", 0o600)
    sent = "" if fault in ("no key", "a list") else ", headers=headers(A_TOKENS)"
    path = two_servers(scene, a.get(fault, scene.tokens), sent)
    assert scene.findings("RTR002") or scene.findings("RTR005")
    applied(scene)
    for function in ("check_b", "forward_b"):
        assert sent_by(path, function, monkeypatch) == f"Bearer {B_KEY}"
    assert sent_by(path, "forward_a", monkeypatch) == f"Bearer {KEY}"


# Several places to look for the tokens

PLACES = """\
import os

import httpx
import yaml

URL = "http://127.0.0.1:5000"
PLACES = [{places}]


def headers():
    {look}
    return {{}}


def check_health():
    return httpx.get(URL + "/v1/models", headers=headers()).status_code == 200


def forward(body):
    return httpx.post(URL + "/v1/chat/completions", json=body, headers=headers())
"""
LOOKS = {
    "exists": """\
for place in PLACES:
        if os.path.exists(place):
            with open(place) as file:
                return {"Authorization": "Bearer " + yaml.safe_load(file)["api_key"]}""",
    "try": """\
for place in PLACES:
        try:
            with open(place) as file:
                return {"Authorization": "Bearer " + yaml.safe_load(file)["api_key"]}
        except FileNotFoundError:
            continue""",
    "next": """\
place = next(each for each in PLACES if os.path.exists(each))
    with open(place) as file:
        return {"Authorization": "Bearer " + yaml.safe_load(file)["api_key"]}""",
}


@pytest.mark.parametrize(
    "order", ["right, gone", "gone, right", "right, stale", "gone, right, stale"]
)
@pytest.mark.parametrize("look", LOOKS)
def test_one_of_several_places_is_enough(scene: Scene, look: str, order: str) -> None:
    stale = scene.write(scene.root / "stale/api_tokens.yml", f"api_key: a{OTHER}\n")
    gone = scene.root / "gone/api_tokens.yml"
    places = {"right": scene.tokens, "gone": gone, "stale": stale}
    named = ", ".join(f'"{places[each]}"' for each in order.split(", "))
    router(scene, PLACES.format(places=named, look=LOOKS[look]))
    for id in ("RTR001", "RTR002", "RTR005", "RTR009"):
        assert scene.findings(id) == []
    assert planned(scene, "router-env") == ""
    assert "not from" not in " ".join(scene.draft("RTR005").notes)


@pytest.mark.parametrize("order", ["stale, right", "gone", "gone, stale"])
def test_the_first_place_that_is_there_counts(scene: Scene, order: str) -> None:
    stale = scene.write(scene.root / "stale/api_tokens.yml", f"api_key: a{OTHER}\n")
    places = {"right": scene.tokens, "gone": scene.root / "gone/api_tokens.yml", "stale": stale}
    named = ", ".join(f'"{places[each]}"' for each in order.split(", "))
    router(scene, PLACES.format(places=named, look=LOOKS["exists"]))
    assert scene.findings("RTR005")
    applied(scene)
    well(scene)


# TabbyAPI on the next port: another server holds the configured one

NEIGHBOURS = """\
import httpx

SGLANG = "http://127.0.0.1:5000"
TABBY = "http://127.0.0.1:{port}"


def check_sglang():
    return httpx.get(SGLANG + "/v1/models").status_code == 200


def forward_sglang(body):
    return httpx.post(SGLANG + "/v1/chat/completions", json=body)


def forward_tabby(body):
    return httpx.post(TABBY + "/v1/chat/completions", json=body)
"""


def moved(scene: Scene) -> None:
    """TabbyAPI is at 5001, as another server holds 5000."""
    scene.given[Address] = Address(
        "http://127.0.0.1:5001", "127.0.0.1:5000", "its socket", moved=True, configured_taken=True
    )


def test_who_holds_the_configured_port_is_sent_no_key(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = router(scene, NEIGHBOURS.format(port=5001))
    moved(scene)
    assert scene.findings("RTR001") == []
    assert scene.findings("RTR002")
    applied(scene)
    for function in ("check_sglang", "forward_sglang"):
        assert sent_by(path, function, monkeypatch) == ""
    assert sent_by(path, "forward_tabby", monkeypatch) == f"Bearer {KEY}"


def test_a_router_that_asks_the_configured_port_sends_its_holder_no_key(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = router(scene, NEIGHBOURS.format(port=5000))
    moved(scene)
    with contextlib.suppress(CannotFix):
        applied(scene)
    for function in ("check_sglang", "forward_sglang", "forward_tabby"):
        assert sent_by(path, function, monkeypatch) == ""


# TabbyAPI elsewhere, or down: another program is at its configured address

STRANGER = Address(
    "http://127.0.0.1:5000",
    "127.0.0.1:5000",
    "the effective configuration",
    process_listens=False,
    holder="ollama (pid 20, ollama.service)",
    configured_taken=True,
)


@pytest.mark.parametrize("strategy", [None, "router-tokens", "router-env"])
def test_a_stranger_at_the_address_is_sent_no_key(scene: Scene, strategy: Strategy | None) -> None:
    router(scene, NEIGHBOURS.format(port=5000))
    scene.given[Address] = STRANGER
    assert scene.findings("RTR002")
    with pytest.raises(CannotFix, match=r"^ollama \(pid 20.* first free port 5000 or "):
        planned(scene, strategy)


def test_a_proxy_that_leads_to_tabbyapi_is_none(scene: Scene) -> None:
    router(scene, NEIGHBOURS.format(port=5000))
    scene.given[Address] = STRANGER
    answer = HttpAnswer(STRANGER.url, status=200)
    scene.given[Endpoint] = Endpoint(STRANGER, True, "tabbyapi", answer, {})
    assert planned(scene, "router-tokens")


def test_where_nobody_holds_the_port_the_router_is_wired(scene: Scene) -> None:
    router(scene, NEIGHBOURS.format(port=5000))
    scene.given[Address] = replace(STRANGER, holder="", configured_taken=False)
    assert planned(scene, "router-tokens")


def test_a_server_elsewhere_alone_is_sent_the_key(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = NEIGHBOURS.replace("127.0.0.1:{port}", "10.9.9.9:5000")
    path = router(scene, text)
    scene.given[Address] = Address("http://10.9.9.9:5000", "127.0.0.1:5000", "--url", trusted=True)
    applied(scene)
    for function in ("check_sglang", "forward_sglang"):
        assert sent_by(path, function, monkeypatch) == ""
    assert sent_by(path, "forward_tabby", monkeypatch) == f"Bearer {KEY}"


def test_a_path_that_no_file_can_have(scene: Scene) -> None:
    router(scene, PLACES.format(places='"/x\\0y/api_tokens.yml"', look=LOOKS["next"]))
    result = judged(scene, "RTR005")
    assert (result.status, len(result.findings)) == ("failed", 1)


def test_a_configuration_that_no_file_can_be(scene: Scene) -> None:
    opened = 'import json\nNAMES = json.load(open("/x\\0y/backends.json"))\n'
    router(scene, opened + NEIGHBOURS.format(port=5000))
    assert judged(scene, "RTR002").status == "failed"
