"""The line that a parser's error is about is one of the text's own."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tabbydoctor.yaml.problems import told

UNFINISHED = {
    'a: 1\nb: "c\n': 2,
    "a: 1\nb: [1,\n  2\n": 2,
    "a: {b: 1,\n\n\n": 1,
    "a: 1\nb: '": 2,
    "a: 1\n b: 2\n": 2,
    "a: 1\n\tb: 2\n": 2,
    "a: 1\nb: c: d\ne: 1\n": 2,
    "a: &b 1\nc: *d\n": 2,
}


def _error(read: Any, text: str) -> Exception:
    try:
        read(text)
    except (yaml.YAMLError, YAMLError) as error:
        return error
    raise AssertionError("it is valid")


@pytest.mark.parametrize("read", [yaml.safe_load, YAML(typ="safe", pure=True).load])
@pytest.mark.parametrize("text", UNFINISHED)
def test_the_line_is_where_it_begins(read: Any, text: str) -> None:
    assert told(_error(read, text))[1] == UNFINISHED[text]
