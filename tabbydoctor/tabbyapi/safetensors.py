"""The head of a safetensors file: what the file says is in it. No tensor is read.

A file begins with the length of its head (eight bytes, little-endian) and the head, JSON that
names each tensor's type and place (huggingface.co/docs/safetensors).
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.documents import Oversized, json_of
from tabbydoctor.facts import Unknown
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass

LONGEST_HEAD = 32 << 20
"""Bytes of a head that is read; exllamav3 reads up to 100 MiB."""
LONGEST_ANYWHERE = 100 << 20
"""Bytes of the longest head that the format's own library and exllamav3 take."""
_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor, by its entry in the head."""

    name: str
    dtype: str
    """As the file names it: F16, I16, …"""
    start: int
    end: int
    """Bytes from the end of the head; `end` is never below `start`."""


@dataclass(frozen=True, slots=True)
class SafetensorsHead:
    """What a file says of itself."""

    length: int
    """Bytes until the first tensor begins."""
    tensors: tuple[Tensor, ...]

    @property
    def needed(self) -> int:
        """Bytes that the file has where it is whole; it may have more."""
        return self.length + max((tensor.end for tensor in self.tensors), default=0)


class NotSafetensors(ValueError):  # noqa: N818 - an answer
    """A file is none: it is too short, or what stands at its beginning is no head."""


def safetensors_head(host: Host, path: str) -> SafetensorsHead:
    """Read the head alone, entries that make no sense left out.

    Raises NotSafetensors, OSError where the file cannot be read, and Unknown for a head larger
    than is read.
    """
    first = host.read(path, _LENGTH)
    length = int.from_bytes(first.data, "little")
    if not 0 < length <= LONGEST_ANYWHERE or _LENGTH + length > first.status.size:
        raise NotSafetensors(path)
    if length > LONGEST_HEAD:
        raise Unknown(f"the head of {path} is larger than is read")
    try:
        found = json_of(host.read(path, _LENGTH + length).data[_LENGTH:])
    except Oversized as error:
        raise Unknown(f"the head of {path} is larger than is read") from error
    except ValueError as error:
        raise NotSafetensors(path) from error
    if not isinstance(found, dict):
        raise NotSafetensors(path)
    return SafetensorsHead(_LENGTH + length, tuple(_tensors(found)))


def _tensors(head: dict[str, object]) -> Iterator[Tensor]:
    for name, told in head.items():
        place = told.get("data_offsets") if isinstance(told, dict) else None
        if isinstance(place, list) and [type(end) for end in place] == [int, int]:
            assert isinstance(told, dict)
            start = max(place[0], 0)
            yield Tensor(name, str(told.get("dtype")), start, max(place[1], start))
