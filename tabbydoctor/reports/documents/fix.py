"""What `fix` and `history` write."""

from __future__ import annotations

from typing import Literal

from tabbydoctor.reports.documents.base import Document, DocumentPart, Identifier


class StepPart(DocumentPart):
    """One file that is changed, or one unit that is acted on."""

    id: str
    """The check whose finding it repairs; empty where it serves several."""
    target: str
    """The file's path, or the unit's name."""
    kind: str
    """What becomes of it: create, edit, remove, permissions, restart, …"""
    diff: str | None
    """The change as a unified diff without secrets; null for a unit."""


class AnswerPart(DocumentPart):
    """What the router answered."""

    status: int | None
    """The HTTP status; null where there was no answer."""
    by: str
    """Who answered: TabbyAPI, or the router itself."""
    said: str
    """What else tells, in a few words."""


class WitnessPart(DocumentPart):
    """What the router was seen to do at one time."""

    probe: AnswerPart | None
    """Its health; null where it was not asked."""
    request: AnswerPart | None
    """A request through it; null where none was sent."""


class FixDocument(Document):
    """`fix --format json`."""

    changes: list[StepPart]
    """The plan, in order."""
    applied: bool
    """Whether anything was changed and stayed so."""
    verified: bool | None
    """Whether it was seen to work; null where that could not be seen."""
    rolled_back: bool
    """Whether it failed and everything was put back."""
    remaining: list[Identifier]
    """The asked-for findings that are still there."""
    change: str | None
    """The id of the recorded change, for `undo`."""
    title: str
    """What the plan does, in a line; empty where there is none."""
    notes: list[str]
    """What is worth telling of it."""
    manual: list[str]
    """What is left to do by hand."""
    seen: list[str]
    """What was seen afterwards."""
    unproven: list[str]
    """What could not be proven, and why."""
    before: WitnessPart
    """What the router answered before anything was done."""
    after: WitnessPart
    """The same afterwards."""
    exit_code: Literal[0, 1, 2, 3]
    """0: gone and verified · 1: something remains · 2: could not run · 3: rolled back."""


class ChangePart(DocumentPart):
    """One run of `fix` that changed something."""

    id: str | None
    """For `undo`."""
    made_at: str
    """When (RFC 3339, UTC); empty where its record does not tell."""
    state: str
    """How far it got: verified, applied, undone, rolled-back, damaged, …"""
    targets: list[str]
    """The files it changed."""
    title: str
    """What it was for."""
    units: list[str]
    """The units it restarted."""
    left: list[str]
    """Files that were not put back, as somebody else had changed them."""
    notes: list[str]
    """What went wrong."""


class HistoryDocument(Document):
    """`history --format json`."""

    history: list[ChangePart]
    """The changes, the latest first."""


class UndoDocument(Document):
    """`undo --format json`."""

    undone: ChangePart
    """The change that was taken back; `left` names what somebody else changed since, and stays."""
    exit_code: Literal[0, 2]
    """0: all of it is as it was before · 2: something is left."""
