"""One block for configuration.nix out of several: no attribute is set twice in one of Nix."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tabbydoctor.nixos.by_rebuild import THEN

_JOINED = frozenset(
    {
        *("AmbientCapabilities", "DeviceAllow", "EnvironmentFile", "LoadCredential"),
        *("ReadOnlyPaths", "ReadWritePaths", "SupplementaryGroups"),
        *("extraGroups", "wantedBy"),
    }
)
"""Options that the module system joins, and whose items stand for themselves (nixpkgs, the types
of `systemd.services` and `users.users`). Other lists are one value: a second is another one."""
_STRING = r'"(?:[^"\\]|\\.)*"'
_BINDING = re.compile(r"(?P<name>(?:[^\s=#\"]|" + _STRING + r")+) = (?P<value>.*);", re.DOTALL)
_LIST = re.compile(r"\[ (?P<items>.*)\]", re.DOTALL)
_ITEM = re.compile(rf"\((?:[^()\"]|{_STRING})*\)|{_STRING}|[^\s\"]+")


def one_block(blocks: Iterable[str]) -> str:
    """Their bindings, each once; lists that add up become one list.

    What contradicts a binding before it stands behind `# or: `.
    """
    said: list[str] = []
    places: dict[str, int] = {}
    for part in (part for block in blocks for part in _parts(block)):
        found = _BINDING.fullmatch(part)
        if part == THEN or (part in said and (found or part.startswith("#"))):
            continue
        if found is None or found["name"] not in places:
            places |= {found["name"]: len(said)} if found else {}
            said.append(part)
            continue
        place = places[found["name"]]
        both = _both(found["name"], said[place], part)
        said[place] = both or said[place]
        other = _alternative(part)
        said += [] if both or other in said else [other]
    return "\n".join([*said, THEN])


def _parts(block: str) -> Iterator[str]:
    """Bindings, comments and other lines; the further lines of a binding are indented or close."""
    part: list[str] = []
    for line in block.splitlines():
        if part and not line.startswith((" ", "}", "]")):
            yield "\n".join(part)
            part = []
        part.append(line)
    if part:
        yield "\n".join(part)


def _both(name: str, first: str, second: str) -> str:
    """One binding for two whose items add up; empty where they do not."""
    bindings = [_BINDING.fullmatch(one) for one in (first, second)]
    lists = [_LIST.fullmatch(one["value"]) for one in bindings if one]
    if name.rpartition(".")[2] not in _JOINED or None in lists:
        return ""
    items = [item for one in lists if one for item in _ITEM.findall(one["items"])]
    return f"{name} = [ {' '.join(dict.fromkeys(items))} ];"


def _alternative(binding: str) -> str:
    first, *more = binding.splitlines()
    return "\n".join((f"# or: {first}", *(f"#     {line}" for line in more)))
