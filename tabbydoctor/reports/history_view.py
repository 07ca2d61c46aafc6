"""The changes the doctor made, for `history` and `undo`: as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from tabbydoctor.repair.outcome import Change
from tabbydoctor.reports.page import Page

if TYPE_CHECKING:
    from tabbydoctor.reports.documents.fix import ChangePart

_STATES = {
    "prepared": "interrupted (the next fix or undo takes it back)",
    "applied": "applied, not verified",
    "verified": "applied and verified",
    "undoing": "interrupted while it was taken back",
    "undone": "taken back",
    "rolling-back": "interrupted while it was taken back",
    "rolled-back": "failed, and taken back",
    "damaged": "its record cannot be read",
}
_INDENT = 2


def as_json(changes: Sequence[Change]) -> dict[str, Any]:
    """The document of `history --format json`, the latest change first."""
    from tabbydoctor.reports.documents.base import plain
    from tabbydoctor.reports.documents.fix import HistoryDocument

    return plain(HistoryDocument(history=[_part(change) for change in changes]))


def undone_json(change: Change, exit_code: Literal[0, 2]) -> dict[str, Any]:
    """The document of `undo --format json`."""
    from tabbydoctor.reports.documents.base import plain
    from tabbydoctor.reports.documents.fix import UndoDocument

    return plain(UndoDocument(undone=_part(change), exit_code=exit_code))


def _part(change: Change) -> ChangePart:
    from tabbydoctor.reports.documents.fix import ChangePart

    return ChangePart(
        id=change.id,
        made_at=change.made_at,
        state=change.state,
        targets=list(change.targets),
        title=change.title,
        units=list(change.units),
        left=list(change.left),
        notes=list(change.notes),
    )


def as_text(changes: Sequence[Change], width: int) -> str:
    """The changes for people, the latest first."""
    page = Page(width)
    if not changes:
        page.flow(("No change is recorded.", ""))
    for change in changes:
        page.blank()
        page.flow((f"{change.id}  {_STATES.get(change.state, change.state)}", ""))
        if change.title:
            page.flow((change.title, ""), indent=_INDENT)
        for target in change.targets:
            page.flow((target, ""), indent=_INDENT)
        _notes(page, change)
    return page.text()


def undone(change: Change, width: int) -> str:
    """What `undo` did."""
    page = Page(width)
    title = f": {change.title}" if change.title else ""
    page.flow((f"Took back {change.id}{title}", ""))
    for target in change.targets:
        if target not in change.left:
            page.flow((f"{target} is as it was before", ""), indent=_INDENT)
    _notes(page, change)
    return page.text()


def _notes(page: Page, change: Change) -> None:
    for note in change.notes:
        page.flow((note, ""), indent=_INDENT, hang=2 * _INDENT)
