"""How much of a model's weights a GPU has to hold, from the heads of its safetensors files.

A file begins with the length of its head (eight bytes, little-endian) and the head, JSON that
names each tensor's type and place (huggingface.co/docs/safetensors). No tensor is read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tabbydoctor.documents import json_of
from tabbydoctor.facts import Unknown
from tabbydoctor.gpu.byte_range import ByteRange
from tabbydoctor.host import Host

_LONGEST_HEAD = 32 << 20
_LAYER = re.compile(r"(.*?)\blayers\.([0-9]{1,9})\.")
# Loaded as FP16, so half or a quarter of what the file holds.
_HALVES = {"F32": 2, "F64": 4}


@dataclass(frozen=True, slots=True)
class _Tensor:
    name: str
    size: int
    """Bytes once loaded, or less."""


def weights(host: Host, directory: str, layers: int) -> ByteRange:
    """What the weights of a model with so many layers take on the GPUs.

    Surely there: the largest stack of layers, up to the last that runs, and the output head. At
    most: the files. Between them are the embeddings, which exllamav3 keeps in system memory,
    the parts for images, and drafting layers. Raises Unknown where the files cannot be read.
    """
    try:
        names = [name for name in host.names(directory) if name.endswith(".safetensors")]
        if not names:
            raise Unknown(f"{directory} has no *.safetensors")
        sizes = sum(host.status(f"{directory}/{name}").size for name in names)
        tensors = {
            tensor.name: tensor.size
            for name in names
            for tensor in _tensors(_head(host, f"{directory}/{name}"))
        }
    except OSError as error:
        raise Unknown(f"cannot read {directory}: {error.strerror or error}: run as root") from error
    return ByteRange(min(_surely_loaded(tensors, layers), sizes), sizes)


def _surely_loaded(tensors: Mapping[str, int], layers: int) -> int:
    stacks: defaultdict[str, int] = defaultdict(int)
    head = 0
    for name, size in tensors.items():
        found = _LAYER.match(name)
        if found and int(found[2]) < layers:
            stacks[found[1]] += size
        elif name.startswith("lm_head."):
            head += size
    return max(stacks.values(), default=0) + head


def _head(host: Host, path: str) -> Mapping[str, Any]:
    """Raises Unknown where it is not one, OSError where the file cannot be read."""
    length = int.from_bytes(host.read(path, 8).data, "little")
    if length > _LONGEST_HEAD:
        raise Unknown(f"{path} is no safetensors file")
    try:
        found = json_of(host.read(path, 8 + length).data[8:])
    except ValueError as error:
        raise Unknown(f"{path} is no safetensors file") from error
    return found if isinstance(found, dict) else {}


def _tensors(head: Mapping[str, Any]) -> Iterator[_Tensor]:
    for name, told in head.items():
        place = told.get("data_offsets") if isinstance(told, dict) else None
        if isinstance(place, list) and [type(end) for end in place] == [int, int]:
            share = _HALVES.get(str(told.get("dtype")), 1)
            yield _Tensor(name, max(place[1] - place[0], 0) // share)
