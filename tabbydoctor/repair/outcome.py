"""What became of a change: what `fix`, `undo` and `history` show of it."""

from __future__ import annotations

from tabbydoctor.records import dataclass
from tabbydoctor.repair.changes import Plan
from tabbydoctor.repair.record import Damaged, Record, Stage


@dataclass(frozen=True, slots=True)
class Change:
    """One change. A plan of unit actions alone leaves nothing to record: its `id` is None."""

    id: str | None
    made_at: str
    """RFC 3339, UTC; empty where there is no record."""
    state: str
    """A `Stage`, or `damaged` for a record that cannot be read."""
    title: str
    targets: tuple[str, ...] = ()
    """The paths of its files."""
    units: tuple[str, ...] = ()
    """The units it restarts."""
    left: tuple[str, ...] = ()
    """Files that were not put back, as somebody else had changed them."""
    notes: tuple[str, ...] = ()
    """What went wrong, one redacted line each."""

    @property
    def rolled_back(self) -> bool:
        """Whether it failed and was taken back."""
        return self.state == Stage.ROLLED_BACK

    @property
    def verified(self) -> bool | None:
        """True: seen to work; False: it failed and was taken back; None: not proven."""
        if self.state == Stage.VERIFIED:
            return True
        return False if self.rolled_back else None


def change_of(entry: Record | Damaged) -> Change:
    """A record as it is shown."""
    if isinstance(entry, Damaged):
        return Change(entry.id, "", "damaged", "", notes=(entry.reason,))
    return Change(
        id=entry.id,
        made_at=entry.made_at,
        state=str(entry.stage),
        title=entry.title,
        targets=entry.targets,
        units=restarted(entry),
        left=entry.left,
        notes=entry.notes,
    )


def restarted(source: Plan | Record) -> tuple[str, ...]:
    """The units that a plan or a record restarts."""
    return tuple(action.target for action in source.actions if action.kind == "restart")
