"""Large files quickly, by libyaml; whatever it does not take plainly is left to ruamel.yaml itself.

libyaml's library is not imported for a small file that cannot be nested too deeply for either.
"""

from __future__ import annotations

from typing import Any

from tabbydoctor.yaml.nodes import KeyPath

_LARGE = 16 << 10
_OPENING = "[{-:?"
"""Every list and mapping begins with one of these, or with a key before one."""
_SHALLOW = 500
"""Characters of those; by_libyaml.TOO_DEEP is as many levels."""


def quick_mapping(text: str) -> tuple[Any, dict[KeyPath, int]] | None:
    """A large mapping of texts and of lists of texts, and its lines; None for anything else.

    Raises RecursionError for a text that is nested too deeply for either library.
    """
    small = len(text) < _LARGE
    if small and sum(map(text.count, _OPENING)) <= _SHALLOW:
        return None
    from tabbydoctor.yaml import by_libyaml

    depth = by_libyaml.depth(text)
    if depth > by_libyaml.TOO_DEEP:
        raise RecursionError
    return None if small or depth > by_libyaml.DEEP else by_libyaml.mapping(text)
