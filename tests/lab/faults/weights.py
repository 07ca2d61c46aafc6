"""Faults of a model's files: it is there, and does not load."""

from __future__ import annotations

import json
from typing import Any

from tests.lab.deployment import Deployment
from tests.lab.faults.config import DOWN, LOADS
from tests.lab.faults.fault import fault, given_up
from tests.lab.gpu import MODEL, give_exllamav3, give_work
from tests.model_files import index, pointer, safetensors

HEADER = "ValueError: Invalid safetensors header size in models/tiny-exl3/model.safetensors: 7"
CUT_OFF = "ValueError: Tensor a in models/tiny-exl3/x extends past end of file: needs 900 bytes"
LACKING = (
    "ValueError: Required tensor model.embed_tokens.weight not found in any *.safetensors file in "
    "models/tiny-exl3"
)
UNKNOWN = "AssertionError: Unknown architecture Zephyr9ForCausalLM in models/tiny-exl3/config.json"
DENIED = "ValueError: Failed to load config.json from models/tiny-exl3"
WEIGHTS = "model.safetensors"
DOES: dict[str, Any] = {
    "consequences": DOWN,
    "answers": False,
    "waits_for": given_up,
    "stand_in": LOADS,
}


def ends(d: Deployment, line: str) -> None:
    """A model is configured, and TabbyAPI ends with that line as it loads it."""
    give_work(d)
    d.machine.write(d.directory / "main.py", f"import sys\nsys.exit({line!r})\n")


def model_file(d: Deployment, name: str, content: str | bytes) -> None:
    path = d.directory / "models/tiny-exl3" / name
    d.machine.write(path, content, owner=f"{d.user}:{d.user}")


@fault("the weights are git-lfs pointers", "CFG010", **DOES)
def pointers(d: Deployment) -> None:
    ends(d, HEADER)
    model_file(d, WEIGHTS, pointer(4_912_345_678))


@fault("a part of the weights is not there", "CFG010", **DOES)
def shard_missing(d: Deployment) -> None:
    ends(d, LACKING)
    d.machine.remove(d.directory / "models/tiny-exl3" / WEIGHTS)
    shards = [f"model-{n:05}-of-00003.safetensors" for n in (1, 2, 3)]
    for name in shards[:2]:
        model_file(d, name, safetensors({"a.trellis": 64}))
    model_file(d, "model.safetensors.index.json", index(*shards))


@fault("the weights are cut off", "CFG010", **DOES)
def cut_off(d: Deployment) -> None:
    ends(d, CUT_OFF)
    model_file(d, WEIGHTS, safetensors({"a.trellis": 4096}, short=1000))


@fault("GGUF beside a config.json", "CFG010", **DOES)
def gguf_beside(d: Deployment) -> None:
    ends(d, LACKING)
    d.machine.remove(d.directory / "models/tiny-exl3" / WEIGHTS)
    model_file(d, "tiny.Q4_K_M.gguf", b"GGUF\x03\0\0\0")


@fault("an architecture that exllamav3 does not know", "CFG010", **DOES)
def architecture_unknown(d: Deployment) -> None:
    ends(d, UNKNOWN)
    give_exllamav3(d, "LlamaForCausalLM", "Qwen3ForCausalLM")
    model_file(d, "config.json", json.dumps({**MODEL, "architectures": ["Zephyr9ForCausalLM"]}))


@fault("a model that only root may read", "CFG010", **DOES)
def closed_to_it(d: Deployment) -> None:
    ends(d, DENIED)
    directory = d.directory / "models/tiny-exl3"
    d.machine.run(["chown", "-R", "root:root", str(directory)])
    d.machine.run(["chmod", "700", str(directory)])
