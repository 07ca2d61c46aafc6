"""YAML configurations that take the key from a variable: what is to refer to it, and does not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from tabbydoctor.routers.kind import CannotGiveKey
from tabbydoctor.routers.urls import server
from tabbydoctor.yaml.edit import set_value
from tabbydoctor.yaml.nodes import KeyPath
from tabbydoctor.yaml.yaml11 import yaml_of

Servers = frozenset[tuple[str, int] | None]
ValueEdit = tuple[KeyPath, str]
"""A place in the document, and what is to stand there."""


def edited(
    content: bytes,
    tabby_urls: Iterable[str],
    lacking: Callable[[Any, Servers], Iterable[ValueEdit]],
) -> bytes:
    """The configuration with what it lacks. Raises CannotGiveKey, CannotEdit."""
    try:
        data = yaml_of(content)
    except ValueError as error:
        raise CannotGiveKey("the router's configuration is no valid YAML") from error
    for place, value in lacking(data, frozenset(map(server, tabby_urls))):
        content = set_value(content, place, value)
    return content


def refers(reference: str, given: object) -> bool:
    """Whether a key is referred to that by its name is TabbyAPI's, and the API key."""
    found = re.fullmatch(reference, str(given))
    return bool(found and "TABBY" in found[1] and "ADMIN" not in found[1])
