"""Many documents of `check` made one: which root causes, on which hosts.

The documents come from other machines: nothing in them is trusted but its shape, and of each only
what is told of the fleet is read.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator

import msgspec

from tabbydoctor.diagnosis.finding import Severity
from tabbydoctor.records import dataclass, field
from tabbydoctor.reports.documents.base import SCHEMA_VERSION
from tabbydoctor.reports.documents.check import RemedyPart
from tabbydoctor.reports.documents.merge import (
    CommonRootPart,
    FleetPart,
    HostPart,
    MergeDocument,
    UnreadPart,
)

_NONE = "no document of check --format json"
_GRAVITY = {severity: at for at, severity in enumerate(Severity)}


class _FoundRoot(msgspec.Struct):
    root: str
    severity: Severity
    category: str = ""
    summary: str = ""
    remedies: list[RemedyPart] = []


class _Site(msgspec.Struct):
    dir: str | None = None
    unit: str | None = None
    url: str | None = None


class _Failure(msgspec.Struct):
    message: str


class _Run(msgspec.Struct):
    """What is read of one document."""

    schema_version: int
    exit_code: int
    diagnosis: list[_FoundRoot]
    checks: list[msgspec.Raw]
    host: str = ""
    verdict: str = ""
    started_at: str = ""
    deployment: _Site = msgspec.field(default_factory=_Site)
    error: _Failure | None = None


@dataclass(slots=True)
class Fleet:
    """Documents as they come in."""

    _latest: dict[tuple[str, str], tuple[str, _Run]] = field(default_factory=dict)
    """Host and deployment -> the file and the latest of its documents."""
    _unread: list[UnreadPart] = field(default_factory=list)

    def add(self, file: str, content: bytes) -> None:
        """One document, or several behind each other, as a loop over ssh gives them."""
        try:
            for run in _runs(content):
                self._keep(file, run)
        except (ValueError, RecursionError) as error:
            why = str(error) or _NONE
            self.unreadable(file, why if why.startswith(_NONE) else f"{_NONE}: {why}")

    def unreadable(self, file: str, reason: str) -> None:
        """What could not be read at all."""
        self._unread.append(UnreadPart(file=file, reason=reason))

    def document(self) -> MergeDocument:
        """All of them as one."""
        hosts = sorted(self._named(), key=lambda one: one[0])
        codes = [run.exit_code for _, _, run in hosts]
        return MergeDocument(
            hosts=[_host(name, file, run) for name, file, run in hosts],
            roots=_roots((name, run) for name, _, run in hosts),
            unread=self._unread,
            summary=FleetPart(
                well=codes.count(0),
                failing=codes.count(1),
                unjudged=sum(code not in (0, 1) for code in codes),
            ),
            exit_code=2 if self._unread else 0,
        )

    def _keep(self, file: str, run: _Run) -> None:
        if run.schema_version != SCHEMA_VERSION:
            raise ValueError(f"{_NONE} that is known: schema_version {run.schema_version}")
        site = run.deployment
        key = (run.host or file, site.dir or site.unit or site.url or "")
        known = self._latest.get(key)
        if known is None or _moment(known[1]) <= _moment(run):
            self._latest[key] = (file, run)

    def _named(self) -> Iterator[tuple[str, str, _Run]]:
        """Each with the name it goes by: the host's, and where it has several, the deployment's."""
        hosts = [host for host, _ in self._latest]
        several = {host for host in hosts if hosts.count(host) > 1} if _doubled(hosts) else set()
        for (host, site), (file, run) in self._latest.items():
            yield (f"{host} {site}" if host in several and site else host), file, run


def _doubled(names: list[str]) -> bool:
    return len(set(names)) < len(names)


def _runs(content: bytes) -> Iterator[_Run]:
    try:
        yield msgspec.json.decode(content, type=_Run)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        yield from _behind_each_other(content.decode("utf-8"))


def _behind_each_other(text: str) -> Iterator[_Run]:
    decoder, at = json.JSONDecoder(), 0
    if not text.strip():
        raise ValueError(f"{_NONE}: it is empty")
    while at < len(text):
        document, at = decoder.raw_decode(text, at)
        yield msgspec.json.decode(json.dumps(document), type=_Run)
        while at < len(text) and text[at].isspace():
            at += 1


def _moment(run: _Run) -> float:
    try:
        return datetime.datetime.fromisoformat(run.started_at).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _host(name: str, file: str, run: _Run) -> HostPart:
    return HostPart(
        host=name,
        file=file,
        verdict=run.error.message if run.error else run.verdict,
        started_at=run.started_at,
        exit_code=max(run.exit_code, 0),
        roots=[root.root for root in run.diagnosis if root.root],
    )


def _roots(runs: Iterable[tuple[str, _Run]]) -> list[CommonRootPart]:
    found: dict[str, CommonRootPart] = {}
    for name, run in runs:
        for root in run.diagnosis:
            if not root.root:
                continue
            part = found.setdefault(root.root, _first(root))
            part.severity = min(part.severity, root.severity, key=_GRAVITY.__getitem__)
            if part.hosts[-1:] != [name]:
                part.hosts.append(name)
    ordered = sorted(found.values(), key=lambda one: one.root)
    return sorted(ordered, key=lambda one: (_GRAVITY[one.severity], -len(one.hosts)))


def _first(root: _FoundRoot) -> CommonRootPart:
    return CommonRootPart(
        root=root.root,
        severity=root.severity,
        category=root.category,
        summary=root.summary,
        hosts=[],
        remedies=root.remedies,
    )
