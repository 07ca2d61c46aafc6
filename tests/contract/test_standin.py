"""What only the stand-in can show: a loaded model, faults on demand, an older release."""

import ast
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tabbydoctor.demo import standin
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.gpu.backend import Backend, backend
from tabbydoctor.host.local import LocalHost

from .server import ADMIN_KEY, API_KEY, TOKENS, Program, Server, bearer, poll

pytestmark = pytest.mark.contract

MODEL = {
    "models/tiny/config.json": "{}",
    "models/other/config.json": "{}",
    "config.yml": "model: {model_name: tiny, inline_model_loading: true}\n",
    "api_tokens.yml": TOKENS,
}
CHAT = {"messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture
def alone(standin_program: Program, tmp_path: Path) -> Iterator[Server]:
    """The stand-in, not started."""
    with Server(standin_program, tmp_path / "server") as server:
        yield server


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Server]:
    """The stand-in as a server of January 2025, not started."""
    standin.install(tmp_path / "old", release="2025-01")
    program = Program("old", sys.executable, tmp_path / "old" / "main.py")
    with Server(program, tmp_path / "server") as server:
        yield server


def test_a_loaded_model_answers(alone: Server) -> None:
    alone.start(MODEL)
    key = bearer(API_KEY)
    assert [card["id"] for card in alone.request("/v1/models", headers=key).json["data"]] == [
        "tiny"
    ]
    assert alone.request("/v1/model", headers=key).json["id"] == "tiny"
    reply = alone.request("/v1/chat/completions", "POST", key, CHAT | {"model": "tiny"})
    assert reply.json["choices"][0]["message"]["content"] == "Hello."
    reply = alone.request("/v1/completions", "POST", key, {"prompt": "Hi"})
    assert reply.json["choices"][0]["text"] == "Hello."


def test_a_stream_ends_with_done(alone: Server) -> None:
    alone.start(MODEL)
    reply = alone.request("/v1/chat/completions", "POST", bearer(API_KEY), CHAT | {"stream": True})
    events = [line.removeprefix("data: ") for line in reply.text.splitlines() if line]
    assert json.loads(events[0])["choices"][0]["delta"]["content"] == "Hello."
    assert events[-1] == "[DONE]"


def test_a_request_may_switch_models_with_the_admin_key_only(alone: Server) -> None:
    alone.start(MODEL)
    other = CHAT | {"model": "other"}
    assert alone.request("/v1/chat/completions", "POST", bearer(API_KEY), other).status == 401
    reply = alone.request("/v1/chat/completions", "POST", bearer(ADMIN_KEY), other)
    assert reply.json["model"] == "other"


def test_load_and_unload(alone: Server) -> None:
    alone.start(MODEL)
    admin = bearer(ADMIN_KEY)
    assert alone.request("/v1/model/unload", "POST", admin).status == 200
    assert alone.request("/v1/model", headers=admin).status == 503
    reply = alone.request("/v1/model/load", "POST", admin, {"model_name": "other"})
    assert '"status": "finished"' in reply.text
    assert alone.request("/v1/model", headers=admin).json["id"] == "other"


def test_the_port_opens_only_after_the_load(alone: Server) -> None:
    alone.launch(MODEL, env={"STANDIN_LOAD_SECONDS": "600"})
    poll(lambda: "UNSAFE" in alone.log, "the load to begin")
    with pytest.raises(ConnectionRefusedError):
        alone.request("/health")
    assert alone.stop() == 0
    assert "Uvicorn running" not in alone.log


def test_unhealthy_on_demand(alone: Server) -> None:
    alone.start(env={"STANDIN_UNHEALTHY": "RuntimeError: CUDA error"})
    reply = alone.request("/health")
    assert reply.status == 503
    assert reply.json["status"] == "unhealthy"
    (issue,) = reply.json["issues"]
    assert issue["description"] == "RuntimeError: CUDA error"
    assert issue["time"].endswith("Z")
    assert "FATAL ERROR with generation" in alone.log


def test_an_older_server_knows_no_lists_and_answers_400(older: Server) -> None:
    assert older.run({"api_tokens.yml": "api_key: [a]\nadmin_key: b\n"}) == 1
    assert "validation error for AuthKeys" in older.console
    older.start({"api_tokens.yml": TOKENS})
    assert older.request("/v1/model", headers=bearer(API_KEY)).status == 400


def test_an_older_server_logs_to_the_console_alone(older: Server) -> None:
    older.start({"api_tokens.yml": TOKENS})
    assert not (older.directory / "logs").exists()
    assert f"\nINFO:     Your API key is: {API_KEY}\n" in older.console


def test_an_older_server_knows_other_keys(older: Server) -> None:
    assert older.run(argv=["--draft-mode", "ngram"]) == 2
    older.start({"config.yml": "memory: {sysmem_kv_cache: x}\n"}, ["--num-experts-per-token", "2"])


def _sections(directory: Path) -> dict[str, set[str]]:
    """Class name, then annotated fields, as a reader of the file alone sees them."""
    tree = ast.parse((directory / "common" / "config_models.py").read_text(encoding="utf8"))
    return {
        node.name: {
            field.target.id
            for field in node.body
            if isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and not field.target.id.startswith("_")
        }
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


def _backend(directory: Path) -> Backend:
    return backend(LocalHost(), Instance(str(directory)))


def test_an_installation_can_be_read_like_the_real_one(tmp_path: Path) -> None:
    standin.install(tmp_path)
    ours = _sections(tmp_path)
    assert ours["TabbyConfigModel"] >= {"network", "model", "memory", "developer"}
    assert "_watch_auth_file" in (tmp_path / "common" / "auth.py").read_text()
    asks = _backend(tmp_path)
    assert asks.required
    assert asks.default_cache == "max_seq_len"
    assert os.access(tmp_path / "main.py", os.X_OK)
    checkout = os.environ.get("TABBYAPI_DIR")
    if checkout:
        real = {name: keys for name, keys in _sections(Path(checkout)).items() if name in ours}
        assert ours == real
        assert replace(_backend(Path(checkout)), path=asks.path) == asks


def test_an_older_installation_is_told_by_its_files(tmp_path: Path) -> None:
    standin.install(tmp_path, release="2025-01")
    ours = _sections(tmp_path)
    assert "MemoryConfig" not in ours
    assert "cuda_malloc_backend" in ours["DeveloperConfig"]
    assert "_watch_auth_file" not in (tmp_path / "common" / "auth.py").read_text()
    assert (tmp_path / "backends" / "exllamav2").is_dir()
