"""A router that asks a front of the doctor's: the key is added behind it, whatever it sends."""

from __future__ import annotations

from tabbydoctor.front.standing import Front
from tabbydoctor.records import replace
from tabbydoctor.routers import RouterReading

BY_FRONT = "the front"
"""Where the key of its calls comes from."""


def keyed(reading: RouterReading, front: Front) -> RouterReading:
    """The reading of a router whose calls all go to its front: each brings the front's key.

    Where one of the addresses is another's, or TabbyAPI's own, it stays as it was read.
    """
    asked = reading.addresses
    if not asked or not all(front.design.is_at(url) for url in asked):
        return reading
    calls = tuple(
        replace(call, sends_key=True, key_from=BY_FRONT, key_files=(), spare_keys=())
        for call in reading.calls
    )
    parts = tuple(keyed(part, front) if part.addresses else part for part in reading.parts)
    return replace(reading, calls=calls, parts=parts)
