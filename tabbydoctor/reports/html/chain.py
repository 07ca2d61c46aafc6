"""The way of a request, client → router → TabbyAPI → model → GPU, and how far it was seen to lead.

It is judged from the document alone and claims no more than the verdict does: a station is well
where every check of it that applies was asked for and judged, and the way to a station is open
where all before it are well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

from tabbydoctor.diagnosis.finding import Severity
from tabbydoctor.reports.documents.check import CheckDocument, FindingPart, ResultPart, RootPart
from tabbydoctor.reports.outline import UNJUDGED

StationState = Literal["start", "well", "attention", "broken", "affected", "unjudged"]
"""`affected`: its errors follow from a root cause elsewhere."""
_NAMES = ("Router", "TabbyAPI", "Model", "GPU")
_BY_CATEGORY = {"router": "Router", "gpu": "GPU", "groups": "GPU"}
"""The others', those of plug-ins included, are of TabbyAPI, as in the verdict."""
_BY_ID = {"API008": "Model", "CFG010": "Model", "GPU008": "Model", "CTR005": "GPU", "CTR012": "GPU"}
_NAMED = 3
"""How many ids a station names."""


@dataclass(frozen=True, slots=True)
class Station:
    """A station of the way."""

    name: str
    state: StationState
    headline: str
    """The state in a few words."""
    told: str
    """What that goes by: ids, or how many checks."""
    reached: bool
    """Whether a request was seen to come this far, or nothing speaks against it."""


def stations(document: CheckDocument, *, selected: bool) -> tuple[Station, ...]:
    """The way in its order; without a router it has no such station.

    `selected`: only some of the checks were asked for, so nothing is called well.
    """
    by_name: dict[str, list[ResultPart]] = {name: [] for name in _NAMES}
    for result in document.checks:
        by_name[station_of(result)].append(result)
    if document.deployment.router is None and not any(map(_applied, by_name["Router"])):
        del by_name["Router"]
    judged = [
        _Judgement(results, document.diagnosis).station(name, selected)
        for name, results in by_name.items()
    ]
    return (Station("Client", "start", "sends a request", "", reached=True), *_reached(judged))


def station_of(result: ResultPart) -> str:
    """The station that a check is of."""
    return _BY_ID.get(result.id) or _BY_CATEGORY.get(result.category, "TabbyAPI")


def told(stations: Sequence[Station]) -> str:
    """The picture in words."""
    return " ".join(
        f"{one.name}: {one.headline}{f' ({one.told})' if one.told else ''}"
        f"{'' if one.reached else ', not known to be reached'}."
        for one in stations
    )


@dataclass(frozen=True, slots=True)
class _Judgement:
    """What the checks of one station come to."""

    results: Sequence[ResultPart]
    diagnosis: Sequence[RootPart]

    def station(self, name: str, selected: bool) -> Station:
        state, headline, told = self._broken() or self._open(selected) or self._quiet()
        return Station(name, state, headline, told, reached=False)

    def _broken(self) -> tuple[StationState, str, str] | None:
        errors, warnings = self._ids(Severity.ERROR), self._ids(Severity.WARNING)
        causes = {id: self._causes(id) for id in errors}
        if own := [id for id in errors if not causes[id]]:
            return "broken", "broken here", _named(own)
        if errors:
            first = dict.fromkeys(cause for id in errors for cause in causes[id])
            return "affected", "does not work", f"follows from {_named([*first])}"
        if warnings and warnings != [UNJUDGED]:
            return "attention", "needs attention", _named(warnings)
        return None

    def _open(self, selected: bool) -> tuple[StationState, str, str] | None:
        ended = [result.status for result in self.results]
        unjudged = ended.count("unknown") + ended.count("crashed")
        judged = sum(map(_applied, self.results))
        if self._ids(Severity.WARNING) == [UNJUDGED]:
            return "unjudged", "could not be judged", UNJUDGED
        if unjudged:
            return "unjudged", "not all could be told", f"{unjudged} of {_count(judged)} open"
        if selected and judged:
            return "unjudged", "judged in part", f"{_count(judged)}, none fails"
        return None

    def _quiet(self) -> tuple[StationState, str, str]:
        judged = sum(map(_applied, self.results))
        if not judged:
            asked = "no check applies" if self.results else "no check was asked for"
            return "unjudged", "not judged", asked
        passed = sum(result.status == "passed" for result in self.results)
        remarks = f", {judged - passed} to note" if judged > passed else ""
        return "well", "no fault found", f"{passed} passed{remarks}"

    def _ids(self, severity: Severity) -> list[str]:
        return [one.id for one in self.results if severity in _severities(one.findings)]

    def _causes(self, id: str) -> list[str]:
        """The roots that explain it; none of one that is a root itself."""
        if any(one.root == id for one in self.diagnosis):
            return []
        return [one.root for one in self.diagnosis if id in one.explains]


def _reached(stations: Sequence[Station]) -> Iterable[Station]:
    """A request comes as far as the first station that is not known to hand it on."""
    before = len([*takewhile(lambda one: one.state in ("well", "attention"), stations)])
    for at, one in enumerate(stations):
        known = at < before or (at == before and one.state != "unjudged")
        yield Station(one.name, one.state, one.headline, one.told, reached=known)


def _severities(findings: Iterable[FindingPart]) -> set[Severity]:
    return {finding.severity for finding in findings}


def _applied(result: ResultPart) -> bool:
    return result.status != "skipped"


def _count(number: int) -> str:
    return f"{number} check{'' if number == 1 else 's'}"


def _named(ids: Sequence[str]) -> str:
    more = f" +{len(ids) - _NAMED}" if len(ids) > _NAMED else ""
    return ", ".join(ids[:_NAMED]) + more
