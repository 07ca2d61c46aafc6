"""Whether a file of a model is what its name says, by its first bytes and its size."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from tabbydoctor.host import Host
from tabbydoctor.host.data import FileStatus
from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.safetensors import NotSafetensors, SafetensorsHead, safetensors_head

Damage = Literal["pointer", "cut-off", "damaged", "empty", "downloading", "dangling"]
UNFINISHED = (".aria2", ".part", ".incomplete", ".crdownload", ".download", ".tmp")
"""What downloaders add to the name of a file that they have not finished."""
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:[^\n]{0,200}\n){0,9}?size (\d{1,18})\b"
)
"""git-lfs: its docs/spec.md. A pointer is less than 1024 bytes."""
_LONGEST_POINTER = 1024
_OTHER: Mapping[bytes, str] = {
    b"GGUF": "GGUF",
    b"PK\x03\x04": "a zip or pickle",
    b"\x80": "a pickle",
    b"<": "a web page",
    b"\0\0\0\0\0\0\0\0": "zeros",
}
"""How files begin that are kept under a name that is not theirs."""
PACKED: Mapping[str, str] = {
    ".qweight": "GPTQ or AWQ",
    ".q_weight": "EXL2",
    ".weight_packed": "compressed-tensors",
    ".W_q": "HQQ",
    ".codebooks": "AQLM",
}
"""How the tensors of formats are named that exllamav3 does not load. exl3: .trellis."""
_MLX = "U32"
"""The type that MLX packs its weights into; exllamav3 knows no such."""


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A file of a model's."""

    name: str
    size: int
    """Bytes that are there."""
    damage: Damage | None = None
    wanted: int | None = None
    """Bytes that it should have, where that is told."""
    begins: str = ""
    """What it is instead, by its beginning."""
    packed: str = ""
    """The format that its tensors are packed in, where exllamav3 does not load it."""


def weight_file(host: Host, directory: str, name: str) -> WeightFile:
    """Look at a safetensors file: its head, no tensor.

    Raises OSError where it cannot be read, Unknown where its head is larger than is read.
    """
    path = f"{directory}/{name}"
    status = _status(host, path)
    if status is None:
        return WeightFile(name, 0, "dangling")
    pointer = _stand_in(host, path, name, status)
    if pointer:
        return pointer
    try:
        head = safetensors_head(host, path)
    except NotSafetensors:
        return WeightFile(name, status.size, "damaged", begins=_begins(host, path))
    if status.size < head.needed:
        return WeightFile(name, status.size, "cut-off", head.needed)
    return WeightFile(name, status.size, packed=_packed(head))


def _packed(head: SafetensorsHead) -> str:
    endings = {f".{one.name.rpartition('.')[2]}" for one in head.tensors}
    if ".trellis" in endings:
        return ""
    if any(one.dtype == _MLX for one in head.tensors):
        return "MLX"
    return next((form for ending, form in PACKED.items() if ending in endings), "")


def other_file(host: Host, directory: str, name: str) -> WeightFile:
    """Look at any other file of a model's: whether it is one, and can be read.

    Raises OSError where it cannot be read.
    """
    path = f"{directory}/{name}"
    status = _status(host, path)
    if status is None:
        return WeightFile(name, 0, "dangling")
    host.read(path, 1)
    return _stand_in(host, path, name, status) or WeightFile(name, status.size)


def _status(host: Host, path: str) -> FileStatus | None:
    """None for a link that leads nowhere."""
    try:
        return host.status(path)
    except FileNotFoundError:
        return None


def _stand_in(host: Host, path: str, name: str, status: FileStatus) -> WeightFile | None:
    """What only stands for the file."""
    if status.size == 0:
        return WeightFile(name, 0, "empty")
    if status.size >= _LONGEST_POINTER:
        return None
    pointer = _POINTER.match(host.read(path, _LONGEST_POINTER).data)
    return WeightFile(name, status.size, "pointer", int(pointer[1])) if pointer else None


def _begins(host: Host, path: str) -> str:
    first = host.read(path, 8).data
    return next((kind for start, kind in _OTHER.items() if first.startswith(start)), "")
