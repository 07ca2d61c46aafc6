"""Files of models as bytes, as small as they can be."""

from __future__ import annotations

import json
from collections.abc import Mapping


def safetensors(tensors: Mapping[str, int], dtype: str = "I16", *, short: int = 0) -> bytes:
    """A whole safetensors file with tensors of so many bytes; `short` bytes are cut off."""
    head: dict[str, object] = {"__metadata__": {"format": "pt"}}
    place = 0
    for name, size in tensors.items():
        shape = [size // 2]
        head[name] = {"dtype": dtype, "shape": shape, "data_offsets": [place, place + size]}
        place += size
    text = json.dumps(head).encode()
    whole = len(text).to_bytes(8, "little") + text + bytes(place)
    return whole[: len(whole) - short]


def index(*shards: str) -> str:
    """A `model.safetensors.index.json`, one tensor in each shard."""
    return json.dumps({"weight_map": {f"t{place}": name for place, name in enumerate(shards)}})


def pointer(size: int) -> str:
    """What git-lfs leaves in place of a file of that size."""
    oid = "ab" * 32
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n"
