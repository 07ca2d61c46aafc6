"""One block for configuration.nix out of several: no attribute is set twice in one of Nix."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tabbydoctor.nixos.by_rebuild import HEADING, STEPS, THEN

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

    What contradicts a binding before it stands behind `# or: `; a title all of whose lines are
    said already is left out. One rebuild applies all bindings, and what a block has behind its
    own comes after that. Where all are alternatives in comments, each keeps its rebuild.
    """
    said: list[str] = []
    later: list[str] = []
    for block in blocks:
        lines = block.splitlines()
        rebuilds = [number for number, line in enumerate(lines, 1) if line == THEN]
        end = rebuilds[-1] if rebuilds else len(lines)
        for title, parts in _sections(lines[:end]):
            _add(said, title, parts)
        for title, parts in _sections(lines[end:]):
            _add(later, title, parts)
    if THEN not in said or any(_BINDING.fullmatch(part) for part in said):
        said = [*(part for part in said if part != THEN), THEN]
    return "\n".join([*said, *later])


def _sections(lines: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Titles, each with its parts; what stands before the first has none."""
    title, parts = "", list[str]()
    for part in _parts(lines):
        if part.startswith(HEADING):
            yield title, parts
            title, parts = part, []
        else:
            parts.append(part)
    yield title, parts


def _parts(lines: Iterable[str]) -> Iterator[str]:
    """Titles, commands, bindings and remarks, each with its further lines."""
    part: list[str] = []
    for line in lines:
        if part and not _continues(part[0], line):
            yield "\n".join(part)
            part = []
        part.append(line)
    if part:
        yield "\n".join(part)


def _continues(first: str, line: str) -> bool:
    """Whether a line belongs to the part that begins with another one."""
    if first.startswith(HEADING):
        return line.startswith(f"{HEADING} ")
    if first.startswith("#"):
        remarks = line.startswith("#") and not line.startswith(HEADING)
        return remarks and not first.startswith(STEPS) and not line.startswith(STEPS)
    return line.startswith((" ", "}", "]"))


def _add(said: list[str], title: str, parts: list[str]) -> None:
    """What of a section is not said yet, below its title."""
    length = len(said)
    pending = [title] if title else []
    own = [part for part in parts if part != THEN]
    for part in own:
        if unsaid := _unsaid(said, part):
            said += [*pending, unsaid]
            pending = []
    said += [] if own or title in said else pending
    if THEN in parts and len(said) > length:
        said.append(THEN)


def _unsaid(said: list[str], part: str) -> str:
    """What of a part is to be said; a list that adds up is joined to the one that is there."""
    found = _BINDING.fullmatch(part)
    if part in said and (found or part.startswith("#")):
        return ""
    places = (n for n, one in enumerate(said) if found and _named(one) == found["name"])
    place = next(places, None)
    if found is None or place is None:
        return part
    both = _both(found["name"], said[place], part)
    said[place] = both or said[place]
    other = _alternative(part)
    return "" if both or other in said else other


def _named(part: str) -> str:
    found = _BINDING.fullmatch(part)
    return found["name"] if found else ""


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
