"""The model to estimate in place of the one that the configuration names."""

from __future__ import annotations

from tabbydoctor.facts import Absent
from tabbydoctor.records import dataclass


@dataclass(frozen=True, slots=True)
class EstimatedModel:
    """A model, whether its weights are there or not."""

    name: str
    directory: str
    """Absolute: where its config.json is, and its weights would be."""
    file: str = "config.json"
    """What its config.json is called."""
    bits: float | None = None
    """Bits for each number of its weights, where they are not there; None: as config.json says."""


def estimated_model() -> EstimatedModel:
    """Raises Absent: only the command that asks gives one."""
    raise Absent("no model was asked about")


GATHERERS = (estimated_model,)
