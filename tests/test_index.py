"""What a run knows of checks and gatherers before it imports them is what they say themselves."""

from __future__ import annotations

import pytest

from tests.index import indexes


@pytest.mark.parametrize(("path", "text"), indexes().items(), ids=lambda one: "")
def test_the_index_is_up_to_date(path: object, text: str) -> None:
    with open(str(path), encoding="utf-8") as file:
        assert file.read() == text, "python -m tests.index"
