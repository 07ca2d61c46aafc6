"""The model that was asked about, in place of the one that the configuration names."""

from __future__ import annotations

from dataclasses import dataclass

from tabbydoctor.facts import Absent


@dataclass(frozen=True, slots=True)
class AskedModel:
    """A model, whether its weights are there or not."""

    name: str
    directory: str
    """Absolute: where its config.json is, and its weights would be."""
    file: str = "config.json"
    """What its config.json is called."""
    bits: float | None = None
    """Bits for each number of its weights, where they are not there; None: as config.json says."""


def asked_model() -> AskedModel:
    """Raises Absent: only the command that asks gives one."""
    raise Absent("no model was asked about")


GATHERERS = (asked_model,)
