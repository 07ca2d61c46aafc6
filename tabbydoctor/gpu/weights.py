"""How much of a model's weights a GPU has to hold, from the heads of its safetensors files.

No tensor is read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tabbydoctor.facts import Unknown
from tabbydoctor.gpu.byte_range import ByteRange
from tabbydoctor.host import Host
from tabbydoctor.tabbyapi.safetensors import NotSafetensors, safetensors_head

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
            for tensor in _tensors(host, f"{directory}/{name}")
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


def _tensors(host: Host, path: str) -> Iterator[_Tensor]:
    """Raises Unknown where the file is none, OSError where it cannot be read."""
    try:
        head = safetensors_head(host, path)
    except NotSafetensors as error:
        raise Unknown(f"{path} is no safetensors file") from error
    for one in head.tensors:
        yield _Tensor(one.name, (one.end - one.start) // _HALVES.get(one.dtype, 1))
