"""One block for configuration.nix out of several: no attribute is set twice in one of Nix."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tabbydoctor.nixos.lasting import SWITCH

THEN = f"# then: {SWITCH}"
_BINDING = re.compile(r"(?P<name>[^\s=#]+) = (?P<value>.*);", re.DOTALL)
_LIST = re.compile(r"\[ (?P<items>.*) \]", re.DOTALL)


def one_block(blocks: Iterable[str]) -> str:
    """Their lines, each once; lists of one attribute become one list.

    What contradicts a line before it stands behind `# or: `.
    """
    lines: list[str] = []
    places: dict[str, int] = {}
    for line in (line for block in blocks for line in block.splitlines()):
        found = _BINDING.fullmatch(line)
        if line == THEN or (line in lines and (found or line.startswith("#"))):
            continue
        if found is None or found["name"] not in places:
            places |= {found["name"]: len(lines)} if found else {}
            lines.append(line)
            continue
        place = places[found["name"]]
        both = _both(lines[place], line)
        lines[place] = both or lines[place]
        lines += [] if both else [f"# or: {line}"]
    return "\n".join([*lines, THEN])


def _both(first: str, second: str) -> str:
    """One line for two lists; empty where they are none."""
    one, other = _BINDING.fullmatch(first), _BINDING.fullmatch(second)
    here = _LIST.fullmatch(one["value"]) if one else None
    there = _LIST.fullmatch(other["value"]) if other else None
    if one is None or here is None or there is None:
        return ""
    items = (
        here["items"] if there["items"] in here["items"] else f"{here['items']} {there['items']}"
    )
    return f"{one['name']} = [ {items} ];"
