"""What is said of a model's memory, in the text and in the document alike."""

from __future__ import annotations

from tabbydoctor.gpu.byte_range import gib, told_apart
from tabbydoctor.gpu.memory_picture import MemoryPicture
from tabbydoctor.gpu.memory_room import MemoryRoom
from tabbydoctor.gpu.placement import total

_FITS = {"yes": "fits", "perhaps": "may or may not fit", "no": "does not fit"}


def verdict(picture: MemoryPicture) -> str:
    """The first line."""
    need, room = picture.need, picture.room
    if need is None:
        most = f"; its weights take {gib(picture.at_most)} GiB at most" if picture.at_most else ""
        return f"What {picture.name} needs is not known: {picture.unknown}{most}"
    if room is None:
        why = f": {picture.no_room}" if picture.no_room else ""
        return f"{picture.name} needs {need.total(1)}; there is no GPU to hold it against{why}"
    whole = total(need, room)
    if room.unordered:
        return f"{picture.name} needs {whole}; which GPUs that is on is not known: {room.unordered}"
    fit = picture.fit or "perhaps"
    if fit == "no":
        needed, there = told_apart(whole.low, room.free)
        return f"{picture.name} {_FITS[fit]}: it needs {needed} GiB or more, {_there(room, there)}"
    return f"{picture.name} {_FITS[fit]}: it needs {whole}, {_there(room, gib(room.free))}"


def _there(room: MemoryRoom, amount: str) -> str:
    if room.limits:
        return f"gpu_split leaves it {amount} GiB on {room.where}"
    return f"{amount} GiB are free on {room.where}"


def assumed(picture: MemoryPicture) -> tuple[str, ...]:
    """What the estimate takes for granted."""
    return (*picture.notes, *(picture.need.assumed if picture.need else ()))
