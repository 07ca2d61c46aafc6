"""How much of a model's weights a GPU has to hold: by the files, or before there are any.

Of a file its head is read, which names each tensor's type and place; no tensor is.
exllamav3 keeps the embeddings in system memory (modules/embedding.py), the model for images and
the layers for drafting are models of their own, and what is not quantised as EXL3 is loaded as FP16
(modules/linear.py), whatever the file has.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from tabbydoctor.facts import Unknown
from tabbydoctor.gpu.byte_range import NOTHING, ByteRange
from tabbydoctor.gpu.parameters import Parameters
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.safetensors import NotSafetensors, safetensors_head

_LAYER = re.compile(r"(.*?)\blayers\.([0-9]{1,9})\.")
_EXPERTS = re.compile(r"\.experts\.")
_EMBEDDINGS = re.compile(r"(^|\.)(embed_tokens|word_embeddings|wte|embed|embeddings)\.")
_VISION = re.compile(
    r"(^|\.)(visual|vision\w*|multi_modal_projector|mm_projector|embed_vision|vit\w*|aligner)\."
)
_DRAFTING = re.compile(r"(^|\.)mtp\.")
_HEAD = re.compile(r"(^|\.)(lm_head|output)\.")
# (at least, at most) bytes once loaded for each byte of the file, in quarters.
_LOADED: Mapping[str, tuple[int, int]] = {"F64": (1, 4), "F32": (2, 4)}
_AS_FP16 = 2
_PACKED = (("_blocks", 16), ("_scales", 0))
"""MXFP4: two numbers a byte, and their scales, which are gone once loaded."""
_ROUNDED_UP = 50
"""torch's allocator takes up to a fiftieth more: it rounds large tensors up to 2 MiB (CUDA
semantics, "Memory management")."""
_BITS = 8


@dataclass(frozen=True, slots=True)
class Weights:
    """What the parts of a model take once loaded."""

    text: ByteRange
    """The language model: its layers, norms and output layer."""
    vision: ByteRange = NOTHING
    """The model for images."""
    drafting: ByteRange = NOTHING
    """The layers for drafting (MTP)."""
    experts: tuple[int, ...] = ()
    """The routed experts of each layer that has any, in their order."""


def weights(host: Host, directory: str, layers: int, *, tied: bool = False) -> Weights:
    """Those of the files of a model with so many layers; `tied`: where no output layer is there,
    it is made from the embeddings.

    Raises Unknown where the files cannot be read, NoFiles where there are none.
    """
    tensors = dict(_all_tensors(host, directory))
    parts: defaultdict[str, ByteRange] = defaultdict(lambda: NOTHING)
    stacks: defaultdict[str, ByteRange] = defaultdict(lambda: NOTHING)
    experts: defaultdict[int, int] = defaultdict(int)
    for name, size in tensors.items():
        found = _LAYER.match(name)
        part = _part(name, int(found[2]) if found else None, layers)
        if part == "text" and found:
            stacks[found[1]] += size
            if _EXPERTS.search(name):
                experts[int(found[2])] += size.low
        else:
            parts[part] += size
    # The largest stack alone: a model's files may hold the same once more in another naming.
    text = max(stacks.values(), key=lambda one: one.low, default=NOTHING) + parts["text"]
    head = parts["head"] if parts["head"].high or not tied else parts["embeddings"]
    return Weights(
        _loaded(text + head),
        _loaded(parts["vision"]),
        _loaded(parts["drafting"]),
        tuple(size for _, size in sorted(experts.items())),
    )


class NoFiles(Unknown):
    """There are no weights in the directory."""


class UnreadableModel(Unknown):
    """A file of the model's cannot be read, or is not what it should be."""


def file_sizes(host: Host, directory: str) -> int:
    """All of the weights' files together: more than that is hardly loaded. Raises as `weights`."""
    try:
        names = [name for name in host.names(directory) if name.endswith(".safetensors")]
        if not names:
            raise NoFiles(f"{directory} has no *.safetensors")
        return sum(host.status(f"{directory}/{name}").size for name in names)
    except OSError as error:
        raise UnreadableModel(
            f"cannot read {directory}: {error.strerror or error}: run as root"
        ) from error


def _unreadable(directory: str, error: OSError) -> UnreadableModel:
    return UnreadableModel(f"cannot read {directory}: {error.strerror or error}: run as root")


def weights_of_bits(
    found: Parameters, bits: float, head_bits: float, drafting_bits: float
) -> Weights:
    """Those of a model whose files are not there, of so many bits a number on average.

    The average is one of a quantizer's aims, met within some hundredths.
    """
    return Weights(
        _about(found.layers * bits + found.head * head_bits),
        _about(found.vision * 2.0 * _BITS, of=10),
        _about(found.drafting * drafting_bits),
        tuple(int(one * bits / _BITS) for one in found.experts),
    )


def _about(bits: float, of: int = 50) -> ByteRange:
    size = int(bits / _BITS)
    return ByteRange(size - size // of, size + size // of)


def _loaded(size: ByteRange) -> ByteRange:
    return ByteRange(size.low, size.high + size.high // _ROUNDED_UP)


def _part(name: str, layer: int | None, layers: int) -> str:
    if _VISION.search(name):
        return "vision"
    if _DRAFTING.search(name) or (layer is not None and layer >= layers):
        return "drafting"
    if layer is not None:
        return "text"
    if _EMBEDDINGS.search(name):
        return "embeddings"
    return "head" if _HEAD.search(name) else "text"


def _all_tensors(host: Host, directory: str) -> Iterator[tuple[str, ByteRange]]:
    file_sizes(host, directory)
    try:
        for name in host.names(directory):
            if name.endswith(".safetensors"):
                yield from _file_tensors(host, f"{directory}/{name}")
    except OSError as error:
        raise _unreadable(directory, error) from error


def _file_tensors(host: Host, path: str) -> Iterator[tuple[str, ByteRange]]:
    """Each tensor's name and what it takes, as far as the file has it."""
    try:
        head = safetensors_head(host, path)
    except NotSafetensors as error:
        raise UnreadableModel(f"{path} is no safetensors file") from error
    except Unknown as error:
        raise UnreadableModel(str(error)) from error
    most = max(host.status(path).size - head.length, 0)
    for one in head.tensors:
        low, high = _quarters(one.name, one.dtype)
        taken = min(one.end, most) - min(one.start, most)
        yield one.name, ByteRange(taken * low // 4, taken * high // 4)


def _quarters(name: str, kind: str) -> tuple[int, int]:
    if kind == "U8":
        for ending, quarters in _PACKED:
            if name.endswith(ending):
                return quarters, quarters
    if kind.startswith("F8_"):
        return 4 * _AS_FP16, 4 * _AS_FP16
    return _LOADED.get(kind, (4, 4))
