"""Where a finding was seen, as a file and a line, for the formats that point at one."""

from __future__ import annotations

import os
import re

from tabbydoctor.records import dataclass
from tabbydoctor.reports.documents.check import FindingPart

_PLACE = re.compile(r"(?P<path>/[^\0\n]*?):(?P<line>[1-9]\d{0,8})|(?P<alone>/[^\0\n\s]*)")


@dataclass(frozen=True, slots=True)
class SeenPlace:
    """A place in a file."""

    path: str
    """Absolute, or relative to the current directory where it is below: as CI names files."""
    line: int | None = None
    """From 1; None for the file as a whole."""


def place_of(source: str) -> SeenPlace | None:
    """The place that an evidence names; None where it names a command or an address."""
    found = _PLACE.fullmatch(source)
    if found is None:
        return None
    line = int(found["line"]) if found["line"] else None
    return SeenPlace(_relative(found["path"] or found["alone"]), line)


def places_of(finding: FindingPart) -> tuple[SeenPlace, ...]:
    """Every place that a finding names, each once, in its order."""
    found = (place_of(evidence.source) for evidence in finding.evidence)
    return tuple(dict.fromkeys(place for place in found if place))


def _relative(path: str) -> str:
    try:
        below = os.getcwd().rstrip("/") + "/"
    except OSError:  # the current directory is gone
        return path
    return path.removeprefix(below) if below != "/" else path
