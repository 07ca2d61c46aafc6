"""Which files of a model in several parts are not there: by its index, or by its numbering."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from itertools import chain, islice

from tabbydoctor.records import dataclass

_NUMBERED = re.compile(r"(?P<name>.{1,255})-(?P<part>\d{5})-of-(?P<of>\d{5})\.safetensors")


MOST = 1000
"""Names that are listed at most: a number in a name costs nothing to write."""


@dataclass(frozen=True, slots=True)
class _Numbered:
    """The files that are named `NAME-00001-of-00004.safetensors` and the like."""

    name: str
    of: str
    parts: frozenset[int]

    @property
    def first(self) -> int:
        return 0 if 0 in self.parts else 1

    @property
    def complete(self) -> bool:
        return len(self.parts) >= int(self.of)

    def missing(self) -> Iterator[str]:
        for part in range(self.first, int(self.of) + self.first):
            if part not in self.parts:
                yield self.file(part)

    def file(self, part: int) -> str:
        return f"{self.name}-{part:05}-of-{self.of}.safetensors"


def missing_shards(names: Collection[str], indexes: Collection[Collection[str]]) -> list[str]:
    """The parts that a model lacks, sorted, no more than MOST of them.

    `names` are the files that are there, `indexes` what each `*.safetensors.index.json` lists.
    exllamav3 reads no index but loads every `*.safetensors`: an index of which nothing is there
    is one that the quantisation has outlived, and says nothing. Nor does an incomplete set beside
    a complete one, as of a model that is published in two namings.
    """
    there = frozenset(names)
    loadable = any(name.endswith(".safetensors") for name in there)
    told = [one for one in map(frozenset, indexes) if one & there or (one and not loadable)]
    indexed = frozenset[str]().union(*told)
    numbered = [
        one for one in _numbered(there) if not any(one.file(part) in indexed for part in one.parts)
    ]
    if any(one <= there for one in told) or any(one.complete for one in numbered):
        return []
    lacking = chain(sorted(indexed - there), *(one.missing() for one in numbered))
    return sorted(islice(lacking, MOST))


def _numbered(there: Collection[str]) -> Iterator[_Numbered]:
    found: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for name in there:
        match = _NUMBERED.fullmatch(name)
        if match:
            found[match["name"], match["of"]].add(int(match["part"]))
    for (name, of), parts in found.items():
        yield _Numbered(name, of, frozenset(parts))
