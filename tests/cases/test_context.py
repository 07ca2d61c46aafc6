"""How long a request may be: refused ones, a cache that limits it, a context nobody set."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabbydoctor.api import Severity
from tests.field.scene import build
from tests.gpu.models import LLAMA

from .scene import CONFIG, MODEL, TABBY, Scene, serving

RESTART = "sudo systemctl restart tabbyapi.service"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    scene.model()
    scene.write(f"{TABBY}/config.yml", f"{CONFIG}{MODEL}")
    scene.endpoint = serving()
    return scene


@pytest.mark.parametrize(
    "line",
    [
        "ERROR:    ValueError: Request length 71599 + 2048 is greater than max_seq_len 65536",
        "ERROR:    ValueError: Prompt length 9000 is greater than max_seq_len 8192",
        "ERROR:    ValueError: Context length 9000 is greater than max_seq_len 8192",
        "ERROR:    ContextLengthExceededError: Prompt length 9000 exceeds the available context "
        "size of 8192 tokens",
        "ERROR:    ContextLengthExceededError: Initial job allocation requires 9216 cache tokens, "
        "which exceeds the available context size of 8192 tokens",
    ],
)
def test_requests_that_are_longer_than_the_context(scene: Scene, line: str) -> None:
    scene.log = ("INFO:     Received completion request 51c0", line)
    said = scene.examine()
    assert said.ids == ["SVC011"]
    finding = said.finding("SVC011")
    assert finding.severity is Severity.WARNING
    client, server, _ = finding.remedies
    assert "Let the client send less" in client.title
    assert client.commands == ()
    assert server.commands == (f"sudoedit -u ivan {TABBY}/config.yml", RESTART)


@pytest.mark.parametrize(
    "line",
    [
        "INFO:     Prompt (ID: 1): Request length 9 + 1 is greater than max_seq_len 8",
        "INFO:     Using configured max_seq_len: 8192 tokens.",
        "WARNING:  cache_size is undefined. Defaulting to 8192 tokens.",
    ],
)
def test_what_a_client_said_and_a_usual_start_are_none(scene: Scene, line: str) -> None:
    scene.log = (line,)
    assert scene.examine().ids == []


LIMITED = (
    "WARNING:  The given max_seq_len (24064) is larger than the cache size and will be limited to "
    "4096 tokens."
)


def test_a_cache_that_limits_the_context_of_a_loaded_model(scene: Scene) -> None:
    scene.log = (LIMITED,)
    finding = scene.examine().finding("SVC011")
    assert "cache_size limits it" in finding.title
    assert "Ask for a cache_size" in finding.remedies[0].title


def test_it_follows_from_a_configuration_that_says_so(scene: Scene) -> None:
    model = f"{MODEL}  max_seq_len: 8192\n  cache_size: 4096\n"
    scene.write(f"{TABBY}/config.yml", f"{CONFIG}{model}")
    scene.log = (LIMITED,)
    said = scene.examine()
    assert said.ids == ["CFG015"]
    assert said.explains("CFG015") == ("SVC011",)


OLD = 'check_package_version("exllamav3", "0.0.2")\n'


@pytest.mark.parametrize(
    ("backend", "model", "said"),
    [
        (OLD, "", True),
        (OLD + "        cache_size_default = 8192\n", "", True),
        (OLD + "        cache_size_default = max_seq_len\n", "", False),
        (OLD, "  max_seq_len: 4096\n", False),
        (OLD, "  cache_size: 16384\n", False),
        (OLD, "  max_seq_len: -1\n", False),
    ],
)
def test_a_context_that_nobody_set(tmp_path: Path, backend: str, model: str, said: bool) -> None:
    scene = build(
        tmp_path,
        {
            "config": f"{CONFIG}{MODEL}{model}",
            "models": [{"name": "tiny-exl3", **LLAMA}],
            "gpus": [{"free": 8}],
            "packages": ["torch-2.7.0+cu128", "exllamav3-0.0.2+cu128.torch2.7.0"],
            "files": {"backends/exllamav3/model.py": backend},
        },
    )
    found = [one.title for one in scene.examine().findings("CFG015")]
    assert [title.startswith("The context is ") for title in found] == [True] * said


def test_it_is_a_remark_with_what_to_set(tmp_path: Path) -> None:
    scene = build(
        tmp_path,
        {
            "config": f"{CONFIG}{MODEL}",
            "models": [{"name": "tiny-exl3", "max_position_embeddings": 40960}],
            "gpus": [{"free": 8}],
            "packages": ["torch-2.7.0+cu128", "exllamav3-0.0.2+cu128.torch2.7.0"],
            "files": {"backends/exllamav3/model.py": OLD},
        },
    )
    finding = scene.examine().finding("CFG015")
    assert finding.severity is Severity.INFO
    assert finding.title.startswith("The context is 4096 tokens")
    assert finding.evidence[0].actual == "max_position_embeddings: 40960"
    assert finding.remedies[0].commands == (f"sudoedit -u ivan {TABBY}/config.yml", RESTART)
