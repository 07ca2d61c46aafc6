"""The record of one change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from tabbydoctor.records import dataclass, field
from tabbydoctor.repair.changes import FileChange, Plan, UnitAction
from tabbydoctor.repair.states import FileState


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
    """A record that cannot be read, or whose contents are not whole."""

    id: str
    reason: str
    path: str
    """Where it is."""
    suspected: tuple[str, ...] | None = ()
    """The files it may be in the middle of changing; None: files that are not known."""

    def may_be_changing(self, paths: Iterable[str]) -> bool:
        """Whether it may be in the middle of changing one of these files."""
        return self.suspected is None or not set(self.suspected).isdisjoint(paths)


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
