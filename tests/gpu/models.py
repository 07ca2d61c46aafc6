"""Model directories of real files: a config.json, and weights that take no room on the disk."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

GIB = 1 << 30
LLAMA: Mapping[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 131072,
    "quantization_config": {"quant_method": "exl3"},
}
"""The example of the documentation: 128 KiB for each token in FP16."""


def write_weights(path: Path, tensors: Mapping[str, int], dtype: str = "I16") -> None:
    """A safetensors file with tensors of so many bytes each."""
    head, place = {}, 0
    for name, size in tensors.items():
        head[name] = {"dtype": dtype, "shape": [], "data_offsets": [place, place + size]}
        place += size
    text = json.dumps({"__metadata__": {"format": "pt"}, **head}).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    os.truncate(path, 8 + len(text) + place)


def write_model(
    directory: Path, config: Mapping[str, Any] = LLAMA, tensors: Mapping[str, int] | None = None
) -> Path:
    """A model; by default with 8 GiB of layers, a head of 1 GiB and embeddings of 1 GiB."""
    directory.mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps(config))
    usual = {
        "model.embed_tokens.weight": GIB,
        "model.layers.0.mlp.up_proj.trellis": 4 * GIB,
        "model.layers.31.mlp.up_proj.trellis": 4 * GIB,
        "lm_head.trellis": GIB,
    }
    write_weights(directory / "model.safetensors", usual if tensors is None else tensors)
    return directory
