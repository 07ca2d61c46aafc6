"""Of many alike cases some stand for all in each run; the others are `heavy`."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from _pytest.mark.structures import ParameterSet


def sampled(cases: Iterable[object], every: int) -> list[ParameterSet]:
    """The cases as parameters; only each `every`th, the first among them, is in each run."""
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            marks=() if number % every == 0 else pytest.mark.heavy,
        )
        for number, case in enumerate(cases)
    ]
