"""What `merge` writes: the documents of many hosts as one."""

from __future__ import annotations

from typing import Literal

from tabbydoctor.diagnosis.finding import Severity
from tabbydoctor.reports.documents.base import Count, Document, DocumentPart, Identifier
from tabbydoctor.reports.documents.check import RemedyPart


class HostPart(DocumentPart):
    """One host, by the latest of its documents."""

    host: str
    """Its name; with the directory of TabbyAPI where the host has several."""
    file: str
    """Where its document was read."""
    verdict: str
    """The first line of its report; what went wrong where the doctor could not run there."""
    started_at: str
    """When that run began (RFC 3339); empty where it did not."""
    exit_code: Count
    """Of that run."""
    roots: list[Identifier]
    """Its root causes."""


class CommonRootPart(DocumentPart):
    """A root cause, and where it was found."""

    root: Identifier
    """The check's id."""
    severity: Severity
    """The worst on any host."""
    category: str
    """Of the check."""
    summary: str
    """The cause in a line, as the first of these hosts has it."""
    hosts: list[str]
    """Where it was found, in their order."""
    remedies: list[RemedyPart]
    """The ways out on the first of these hosts."""


class UnreadPart(DocumentPart):
    """A file that is no document of `check`."""

    file: str
    """Its name."""
    reason: str
    """Why not."""


class FleetPart(DocumentPart):
    """How many hosts ended how."""

    well: Count
    """Exit code 0."""
    failing: Count
    """Exit code 1."""
    unjudged: Count
    """Any other: the doctor could not run, or judge anything."""


class MergeDocument(Document):
    """`merge --format json`."""

    hosts: list[HostPart]
    """Every host once, in the order of their names."""
    roots: list[CommonRootPart]
    """The root causes: the worst first, then those of most hosts."""
    unread: list[UnreadPart]
    """What could not be read."""
    summary: FleetPart
    """How many hosts ended how."""
    exit_code: Literal[0, 2]
    """2 where something could not be read."""
