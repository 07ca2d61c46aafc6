"""Reading a router that `fix --auth` has wired: past the helper that stands in its source."""

from __future__ import annotations

from dataclasses import replace

from tabbydoctor.routers import RouterReading

_HELPER = "# >>> tabbydoctor"


def is_wired(text: str) -> bool:
    """Whether the helper stands in a source."""
    return _HELPER in text


def legible(text: str) -> str:
    """The source with the helper written out short, in as many lines: see `wiring.block`."""
    from tabbydoctor.routers.wiring import block  # loads LibCST, for wired routers alone

    return block.legible(text)


def as_wired(reading: RouterReading, wired: RouterReading) -> RouterReading:
    """What a wired router does: its own lines, and what the helper among them reads."""
    return replace(
        wired,
        addresses=reading.addresses,
        backends=reading.backends,
        reads_environment=reading.reads_environment,
        reads_files=reading.reads_files,
    )
