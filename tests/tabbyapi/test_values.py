"""What a value becomes is what pydantic makes of it, whether it was asked or not."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest

from tabbydoctor.tabbyapi import coercion
from tabbydoctor.tabbyapi.keys import KEYS, ConfigKey
from tabbydoctor.tabbyapi.values import Refused, coerced

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, -2, 256, 5000, 1.0, 0.5, float("inf"), 10**30),
    *("", "a", "1", "true", "auto", "FP16", "Q8", "8,8", "9,9", "2025-01-01"),
    *([], ["a"], [1], [1.5], [1, 1.5], [True], [None], ["1"], {}, {"a": 1}, {1: 2}),
    *([{"name": "x"}], [{"scaling": -1}]),
)


def asked(key: ConfigKey, value: Any) -> Any:
    """By pydantic; what it refuses is told by its exception."""
    try:
        return coercion.coerced(key, value)
    except coercion.NotTaken:
        return Refused


def told(key: ConfigKey, value: Any) -> Any:
    try:
        return coerced(key, value)
    except Refused:
        return Refused


@pytest.mark.parametrize("key", KEYS, ids=lambda key: f"{key.section}.{key.name}")
def test_every_key_takes_what_pydantic_takes(key: ConfigKey) -> None:
    known = chain(VALUES, key.choices, ([one] for one in key.choices))
    for value in known:
        if key.kind == "choices" and value is not None:
            continue  # TabbyAPI lowers them before: see test_choices
        found, wanted = told(key, value), asked(key, value)
        assert (type(found), found) == (type(wanted), wanted), value


@pytest.mark.parametrize("key", [key for key in KEYS if key.kind == "choices"])
def test_choices(key: ConfigKey) -> None:
    every = list(key.choices)
    assert told(key, every) == asked(key, every) == every
    assert told(key, [*every, "frobnicate"]) is Refused
    assert told(key, 1) is Refused
