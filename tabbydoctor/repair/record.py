"""The record of one change, and its form on disk (`manifest.json`)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tabbydoctor.redaction import redact
from tabbydoctor.repair.changes import DaemonReload, FileChange, Plan, Restart, UnitAction
from tabbydoctor.repair.states import FileState

SCHEMA_VERSION = 1


class Stage(StrEnum):
    """How far a change has come. The unfinished ones are left by a process that was killed."""

    PREPARED = "prepared"
    """Recorded; some of its files may be changed."""
    APPLIED = "applied"
    """Everything done, not proven."""
    VERIFIED = "verified"
    """Everything done, and seen to work."""
    UNDOING = "undoing"
    UNDONE = "undone"
    ROLLING_BACK = "rolling-back"
    ROLLED_BACK = "rolled-back"


IN_FORCE = frozenset({Stage.APPLIED, Stage.VERIFIED})
UNFINISHED = frozenset({Stage.PREPARED, Stage.UNDOING, Stage.ROLLING_BACK})


class Unreadable(Exception):  # noqa: N818 - an answer, not an error
    """A manifest that this version cannot read; the message says why."""


@dataclass(frozen=True, slots=True)
class StoredState:
    """A file's state; its content is in the file of the record that is named by the digest."""

    digest: str
    mode: int
    uid: int
    gid: int
    xattrs: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    labels: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, state: FileState) -> StoredState:
        """What is stored of a state beside its content."""
        return cls(state.digest, state.mode, state.uid, state.gid, state.xattrs, state.labels)

    def with_content(self, content: bytes) -> FileState:
        """The state again."""
        return FileState(content, self.mode, self.uid, self.gid, self.xattrs, self.labels)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file before and after, as stored."""

    path: str
    before: StoredState | None
    after: StoredState | None


@dataclass(frozen=True, slots=True)
class Record:
    """One change."""

    id: str
    made_at: str
    """RFC 3339, UTC."""
    title: str
    stage: Stage = Stage.PREPARED
    files: tuple[StoredFile, ...] = ()
    directories: tuple[str, ...] = ()
    """Those made for the files, outermost first."""
    actions: tuple[UnitAction, ...] = ()
    left: tuple[str, ...] = ()
    """Files that were not put back, as somebody else had changed them."""
    notes: tuple[str, ...] = ()
    """What went wrong on the way, redacted: why files were left, restarts that failed."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The paths of its files."""
        return tuple(file.path for file in self.files)


@dataclass(frozen=True, slots=True)
class Damaged:
    """A record that cannot be read."""

    id: str
    reason: str


def record_of(plan: Plan, id: str, made_at: str, directories: tuple[str, ...]) -> Record:
    """The record of a plan about to be applied."""
    files = tuple(_stored(change) for change in plan.files)
    return Record(id, made_at, plan.title, Stage.PREPARED, files, directories, plan.actions)


def _stored(change: FileChange) -> StoredFile:
    before, after = change.before, change.after
    return StoredFile(
        change.path,
        StoredState.of(before) if before else None,
        StoredState.of(after) if after else None,
    )


def to_json(record: Record) -> str:
    """The manifest. ASCII: undecodable bytes in a path survive as lone surrogates (PEP 383)."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "id": record.id,
        "made_at": record.made_at,
        "title": redact(record.title),
        "state": str(record.stage),
        "files": [
            {"path": file.path, "before": _state(file.before), "after": _state(file.after)}
            for file in record.files
        ],
        "directories": list(record.directories),
        "actions": [_action(action) for action in record.actions],
        "left": list(record.left),
        "notes": [redact(note) for note in record.notes],
    }
    return json.dumps(document, indent=1) + "\n"


def from_json(text: str) -> Record:
    """The record of a manifest. Raises Unreadable."""
    try:
        document = json.loads(text)
        if document["schema_version"] != SCHEMA_VERSION:
            raise Unreadable("it was made by another version of tabbydoctor")
        return Record(
            id=str(document["id"]),
            made_at=str(document["made_at"]),
            title=str(document["title"]),
            stage=Stage(document["state"]),
            files=tuple(
                StoredFile(file["path"], _parsed(file["before"]), _parsed(file["after"]))
                for file in document["files"]
            ),
            directories=tuple(document["directories"]),
            actions=tuple(_parsed_action(action) for action in document["actions"]),
            left=tuple(document["left"]),
            notes=tuple(document["notes"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"its manifest is damaged ({type(error).__name__})") from error


def _state(state: StoredState | None) -> dict[str, Any] | None:
    if state is None:
        return None
    return {
        "sha256": state.digest,
        "mode": f"{state.mode:04o}",
        "uid": state.uid,
        "gid": state.gid,
        "xattrs": _encoded(state.xattrs),
        "labels": _encoded(state.labels),
    }


def _parsed(document: dict[str, Any] | None) -> StoredState | None:
    if document is None:
        return None
    return StoredState(
        digest=document["sha256"],
        mode=int(document["mode"], 8),
        uid=int(document["uid"]),
        gid=int(document["gid"]),
        xattrs=_decoded(document["xattrs"]),
        labels=_decoded(document["labels"]),
    )


def _encoded(attributes: Mapping[str, bytes]) -> dict[str, str]:
    return {name: base64.b64encode(value).decode() for name, value in attributes.items()}


def _decoded(attributes: Mapping[str, str]) -> dict[str, bytes]:
    return {name: base64.b64decode(value) for name, value in attributes.items()}


def _action(action: UnitAction) -> dict[str, Any]:
    unit = {"unit": action.unit} if isinstance(action, Restart) else {}
    return {"action": action.kind, **unit, "user_manager": action.user_manager}


def _parsed_action(document: dict[str, Any]) -> UnitAction:
    if document["action"] == DaemonReload.kind:
        return DaemonReload(document["user_manager"])
    if document["action"] == Restart.kind:
        return Restart(document["unit"], document["user_manager"])
    raise ValueError(document["action"])
