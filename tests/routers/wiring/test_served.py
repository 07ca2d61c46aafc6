"""Wired routers as programs of their own, and as released ones where a directory holds them.

`TABBYDOCTOR_ROUTERS` names a directory with `v3.2.0.py`, `v3.3.1.py` and `v4.0.0.py`.
"""

from __future__ import annotations

import asyncio
import json
import os
import types
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.server import free_port
from tests.routers.cases import CASES
from tests.routers.wiring.deployment import Deployment, deployment, load
from tests.routers.wiring.process import ask, served

CHAT = "/v1/chat/completions"
pytestmark = [  # the released routers leave their configuration file open
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
RELEASED = Path(os.environ.get("TABBYDOCTOR_ROUTERS", ""))
released = pytest.mark.skipif(
    not os.environ.get("TABBYDOCTOR_ROUTERS"),
    reason="TABBYDOCTOR_ROUTERS names no directory with checked-out versions",
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployment(tmp_path_factory.mktemp("deployment"), {}) as made:
        yield made


def text_of(name: str) -> str:
    if name == "demo":
        return resources.files("tabbydoctor.demo").joinpath("router.py.txt").read_text()
    return next(case.text for case in CASES if case.name == name)


@pytest.mark.parametrize(
    ("name", "path", "healthy"),
    [
        ("demo", "/health", lambda answer: answer["backends"]["tabbyapi"]),
        ("app_state_clients", "/health", lambda answer: answer["tabbyapi"]),
        ("nested_check", "/status", lambda answer: answer["tabbyAPI"]),
    ],
)
def test_a_wired_router_serves(
    name: str,
    path: str,
    healthy: Callable[[Any], bool],
    running: Deployment,
    tmp_path: Path,
) -> None:
    if name != "demo":
        pytest.importorskip("fastapi")
        pytest.importorskip("uvicorn")
    port = free_port()
    source = running.wired(text_of(name).replace("8002", str(port))).source
    with served(source, port, tmp_path):
        assert healthy(json.loads(ask(port, "GET", path)[1]))
        body = json.dumps({"model": "none", "messages": []}).encode()
        status, answer = ask(port, "POST", CHAT, body)
        assert status != 401
        assert "API key" not in answer
    assert running.sglang.keys == running.llama.keys == []


def released_router(version: str, running: Deployment, tmp_path: Path) -> types.ModuleType:
    """A released version, wired and loaded, with its model switched already."""
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    text = (RELEASED / f"{version}.py").read_text(encoding="utf-8")
    directory = str(running.tabby.directory)
    for old in ("/home/ivan/TabbyAPI", "/opt/TabbyAPI"):
        text = text.replace(old, directory)
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"models": {"m": {"backend": "tabbyapi", "model_path": "p"}}}))
    text = text.replace("/opt/llm-router/config.json", str(config))
    result = running.wired(text)
    assert result.leftovers == ()
    assert running.wired(text).source == result.source
    return load(result.source, f"released_{version.replace('.', '_')}")


async def gathered(parts: Any) -> str:
    return "".join([str(part) async for part in parts])


V4 = ("v3.3.1", "v4.0.0", "v4.0.0-installer", "v4.0.0-paths", "v4.0.0-toks")


@released
@pytest.mark.parametrize("version", V4)
def test_a_released_router_probes_and_forwards(
    version: str, running: Deployment, tmp_path: Path
) -> None:
    router = released_router(version, running, tmp_path)

    class Request:
        async def json(self) -> dict[str, Any]:
            return {"model": "m", "messages": []}

    async def forward() -> str:
        router.state["current_model"] = "m"
        return await gathered((await router.chat(Request())).body_iterator)

    assert asyncio.run(router.check_health("tabbyapi"))
    if version != "v3.3.1":  # its forwarding ends in an UnboundLocalError of its own
        answer = asyncio.run(forward())
        assert answer
        assert "API key" not in answer
    for backend in ("sglang", "llamacpp"):
        assert asyncio.run(router.check_health(backend))
    assert running.sglang.keys == running.llama.keys == []


@released
def test_the_oldest_released_router_forwards(running: Deployment, tmp_path: Path) -> None:
    router = released_router("v3.2.0", running, tmp_path)
    model = "monstral-123b-exl2-4bpw"
    vars(router)["current_model"] = model
    assert asyncio.run(router.get_backend_health("tabby"))
    stream = router.streaming_chat_with_model_switch(model, {"model": model, "messages": []})
    answer = asyncio.run(gathered(stream))
    assert answer
    assert "401" not in answer


@released
@pytest.mark.parametrize("version", V4[1:])
def test_a_released_router_switches_models_and_leaves_authentication(
    version: str, running: Deployment, tmp_path: Path
) -> None:
    router = released_router(version, running, tmp_path)
    vars(router)["subprocess"] = types.SimpleNamespace(run=lambda *_, **__: None)
    config = running.tabby.directory / "config.yml"
    config.write_text("network:\n  host: 127.0.0.1\n")
    asyncio.run(gathered(router.start_backend({"backend": "tabbyapi", "model_path": "p"})))
    written = yaml.safe_load(config.read_text())
    assert written["model"]["model_name"] == "p"
    assert written["network"]["disable_auth"] is False
    assert written["network"]["host"] == "127.0.0.1"
    config.unlink()
