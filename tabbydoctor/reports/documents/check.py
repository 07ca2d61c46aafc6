"""What `check` writes, and what any command writes in place of its document where it fails."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType, field

from tabbydoctor.diagnosis.finding import Safety, Severity
from tabbydoctor.diagnosis.report import FailOn, Status
from tabbydoctor.reports.documents.base import Count, Document, DocumentPart, Identifier, Moment


class EvidencePart(DocumentPart):
    """One thing that was seen."""

    source: str
    """Where: `path:line`, a command, or a URL."""
    expected: str | UnsetType = UNSET
    """What should be there; left out where there is nothing to compare."""
    actual: str | UnsetType = UNSET
    """What is there; left out where there is nothing to compare."""


class RemedyPart(DocumentPart):
    """A way out."""

    title: str
    """What it does."""
    safety: Safety
    """Whether it may be applied unattended."""
    commands: list[str]
    """The exact commands to paste, in order."""
    nix: list[str] | UnsetType = UNSET
    """Lines for configuration.nix, which the commands then apply; only where NixOS is."""
    lines: list[str] | UnsetType = UNSET
    """Lines for the file that the title names, to be written there by hand."""


class FindingPart(DocumentPart):
    """One fault, or remark."""

    id: Identifier
    """The check's."""
    severity: Severity
    """How bad it is."""
    title: str
    """The fault in a line."""
    detail: str
    """What it means; may be empty, and may have several lines."""
    evidence: list[EvidencePart]
    """What was seen."""
    caused_by: list[Identifier]
    """The ids of checks whose findings explain this one, where they have any."""
    remedies: list[RemedyPart]
    """The ways out, the best first."""


class ResultPart(DocumentPart):
    """The outcome of one check."""

    id: Identifier
    """Of the check; never reused."""
    name: str
    """Of the check, in words for people."""
    category: str
    """Of the check; plug-ins may have their own."""
    status: Status
    """How it ended; `failed`, `warning` and `info` by the worst of its findings."""
    reason: str | None
    """Why it was skipped, is unknown or crashed."""
    duration_ms: Count
    """How long it took, in milliseconds."""
    findings: list[FindingPart]
    """What it found."""


class RouterPart(DocumentPart):
    """The router in front of TabbyAPI."""

    path: str | None = None
    """Its source or configuration file."""
    unit: str | None = None
    """Its systemd unit."""
    kind: str | None = None
    """What it is: python, litellm, llama-swap, …"""


class DeploymentPart(DocumentPart):
    """What was examined; what is not known is null."""

    dir: str | None = None
    """TabbyAPI's working directory."""
    config_files: list[str] = field(default_factory=list)
    """The configuration files that are there, the weakest first."""
    tokens_file: str | None = None
    """Where TabbyAPI keeps its keys."""
    unit: str | None = None
    """TabbyAPI's systemd unit."""
    user_unit: bool = False
    """Whether that is a unit of a user's manager."""
    user: str | None = None
    """The account TabbyAPI runs as."""
    url: str | None = None
    """Where TabbyAPI is asked."""
    router: RouterPart | None = None
    """The router in front of it, if one was found."""
    container: str | None = None
    """The container TabbyAPI runs in."""
    found_by: dict[str, str] = field(default_factory=dict)
    """Part -> how it was found, in words."""
    tabbyapi_version: str | None = None
    """Which TabbyAPI is installed: the commit of its checkout, else its own version."""
    others: list[str] = field(default_factory=list)
    """Other TabbyAPIs on this machine, which were not examined."""
    description: str | None = None
    """The file that was judged in place of a machine (`--deployment`)."""


class RootPart(DocumentPart):
    """A root cause."""

    root: Identifier
    """Its finding's id."""
    explains: list[Identifier]
    """The ids of the findings that follow from it."""
    summary: str
    """The cause in a line."""
    severity: Severity
    """The worst of its findings."""
    category: str
    """Of its check."""
    remedies: list[RemedyPart]
    """The ways out of its first fault, the best first."""


class SummaryPart(DocumentPart):
    """How many checks ended how."""

    passed: Count
    """Judged, and nothing found."""
    failed: Count
    """An error was found."""
    warning: Count
    """A warning was found, and no error."""
    info: Count
    """A remark was found, and nothing worse."""
    skipped: Count
    """They do not apply here."""
    unknown: Count
    """They could not be judged."""
    crashed: Count
    """They failed themselves."""


class CheckDocument(Document):
    """`check --format json`."""

    tabbydoctor: str
    """The doctor's version."""
    host: str
    """The name of the machine; empty where it has none."""
    verdict: str
    """The first line of the report for people."""
    started_at: Moment
    """When the run began (RFC 3339)."""
    duration_ms: Count
    """How long it took, in milliseconds."""
    deployment: DeploymentPart
    """What was examined."""
    checks: list[ResultPart]
    """Every check that was asked for."""
    diagnosis: list[RootPart]
    """The root causes, the first to repair first."""
    summary: SummaryPart
    """How many checks ended how."""
    fail_on: FailOn
    """What was asked to count for the exit code: from where on it is 1."""
    exit_code: Literal[0, 1, 2]
    """0: nothing at or above --fail-on · 1: something is · 2: nothing was judged."""


class FailurePart(DocumentPart):
    """Why a command could not do its work."""

    message: str
    """What went wrong."""
    hint: str | None
    """The way out; empty where none is known."""


class ErrorDocument(Document):
    """In place of any other document, where a command could not do its work."""

    error: FailurePart
    """What went wrong."""
    exit_code: Count
    """As the process ends: 2, or 130 where it was interrupted."""
    checks: list[ResultPart] = field(default_factory=list)
    """None was run."""
    diagnosis: list[RootPart] = field(default_factory=list)
    """None could be made."""
