"""The face of the repair engine.

state = open_state(state_dir)
with state.repairing() as apply:
    change = apply(plan, verify)
state.undo()
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from tabbydoctor.invocation import again
from tabbydoctor.repair import interrupts, services, state_directory
from tabbydoctor.repair.changes import EarlierChange, Plan
from tabbydoctor.repair.errors import ChangedMeanwhile, NothingToUndo, RepairError
from tabbydoctor.repair.journal import Journal
from tabbydoctor.repair.lock import RepairLock
from tabbydoctor.repair.outcome import Change, change_of, restarted
from tabbydoctor.repair.record import IN_FORCE, Damaged, Record, Stage
from tabbydoctor.repair.services import Runner
from tabbydoctor.repair.transaction import Transaction, Verify, unfinished

__all__ = ["Change", "Plan", "RepairError", "State", "open_state"]

_TO_THE_END = "a change is being taken back; that goes on to its end"


class Apply(Protocol):
    """Applies a plan, as `State.apply` does."""

    def __call__(self, plan: Plan, verify: Verify | None = None) -> Change: ...


class State:
    """The changes recorded in one state directory."""

    def __init__(self, directory: Path, runner: Runner = services.systemctl) -> None:
        self.directory = directory
        self._runner = runner
        self._journal = Journal(directory)
        self._lock = RepairLock(directory)

    def history(self) -> tuple[Change, ...]:
        """Every change, the latest first. Raises RepairError."""
        return tuple(change_of(entry) for entry in reversed(self._journal.entries()))

    def in_force(self) -> tuple[EarlierChange, ...]:
        """The changes that are in force, the latest first, with their files before and after.

        Those that cannot be read are left out: a repair can be planned without them.
        """
        with contextlib.suppress(RepairError):
            records = [one for one in self._journal.records() if one.stage in IN_FORCE]
            return tuple(
                EarlierChange(one.id, one.title, self._journal.changes(one))
                for one in reversed(records)
            )
        return ()

    @contextlib.contextmanager
    def repairing(self, *, restart: bool = True) -> Iterator[Apply]:
        """Keep others from repairing, from planning to proof, and give what applies a plan.

        What killed processes left unfinished is taken back first. Raises Busy, RepairError.
        """
        with interrupts.held(), self._locked():
            self._recover(restart)
            yield lambda plan, verify=None: self._apply(plan, verify, restart)

    def recover(self, *, restart: bool = True) -> tuple[Change, ...]:
        """Take back what killed processes left unfinished."""
        if not self._journal.exists():
            return ()
        with self._locked():
            return self._recover(restart)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        state_directory.make(self.directory)
        with self._lock.held():
            yield

    def _recover(self, restart: bool) -> tuple[Change, ...]:
        if not self._journal.exists():
            return ()
        with interrupts.held(_TO_THE_END):
            self._journal.clear_partial()
            transaction = self._transaction(restart)
            found = unfinished(self._journal)
            return tuple(change_of(transaction.recover(record)) for record in found)

    def apply(self, plan: Plan, verify: Verify | None = None, *, restart: bool = True) -> Change:
        """Record, apply and prove a plan; `Change.state` tells the outcome.

        `verified` or `applied` (not proven: `verify` gave None), or `rolled-back`: an action or
        the verification failed and everything is as before. Without `restart` units keep
        running as they are. Raises RepairError where the files could not be changed; then, too,
        everything is as before. A plan without changes to files is not recorded.
        """
        if plan.empty:
            return self._act(plan.needed, verify, restart)
        with self.repairing(restart=restart) as apply:
            return apply(plan, verify)

    def undo(self, change_id: str | None = None, *, restart: bool = True) -> Change:
        """Take back a change (the latest that is in force), byte for byte.

        An interrupted one comes first: taking it back is the undo. Raises NothingToUndo,
        ChangedMeanwhile, RepairError.
        """
        if not self._journal.exists():
            raise NothingToUndo("nothing to undo", hint=state_directory.elsewhere(self.directory))
        with interrupts.held(_TO_THE_END), self._locked():
            recovered = self._recover(restart)
            for change in recovered:
                if change_id in (None, change.id):
                    return change
            record = self._chosen(change_id)
            self._in_nobodys_midst(record.targets)
            try:
                return change_of(self._transaction(restart).undo(record))
            except ChangedMeanwhile as error:
                raise self._in_the_way(record, error) from error

    def _transaction(self, restart: bool) -> Transaction:
        return Transaction(self._journal, self._runner, restart=restart)

    def _apply(self, plan: Plan, verify: Verify | None, restart: bool) -> Change:
        plan = plan.needed
        if not plan.files:
            return self._act(plan, verify, restart)
        self._in_nobodys_midst(tuple(change.path for change in plan.files))
        return change_of(self._transaction(restart).apply(plan, verify))

    def _act(self, plan: Plan, verify: Verify | None, restart: bool) -> Change:
        problems = services.perform(plan.actions, self._runner, restart=restart)
        proof = verify() if verify and not problems else None
        failed = problems or proof is False
        stage = Stage.ROLLED_BACK if failed else Stage.VERIFIED if proof else Stage.APPLIED
        return Change(None, "", stage, plan.title, units=restarted(plan), notes=problems)

    def _chosen(self, change_id: str | None) -> Record:
        entries = self._journal.entries()
        if change_id is None:
            for entry in reversed(entries):
                if isinstance(entry, Record) and entry.stage in IN_FORCE:
                    return entry
            raise NothingToUndo("nothing to undo", hint=_history())
        for entry in entries:
            if entry.id == change_id:
                return _in_force(entry)
        raise NothingToUndo(f"there is no change {change_id}", hint=_history())

    def _in_nobodys_midst(self, paths: tuple[str, ...]) -> None:
        """Raise RepairError where a change that nobody can finish may be half made in a file."""
        for entry in self._journal.entries():
            if isinstance(entry, Damaged) and entry.may_be_changing(paths):
                files = ", ".join(entry.suspected or ()) or "the files it was about"
                raise RepairError(
                    f"the change {entry.id} may be half made, and its record cannot be read: "
                    f"{entry.reason}",
                    hint=f"see that {files} are as they should be, then move {entry.path} away",
                )

    def _in_the_way(self, record: Record, error: ChangedMeanwhile) -> RepairError:
        """The same error; where it was a later change of the doctor's, the hint names that."""
        for later in reversed(self._journal.records()):
            shared = set(later.targets) & set(record.targets)
            if later.id > record.id and later.stage in IN_FORCE and shared:
                hint = f"undo the later change first: {again(f'undo {later.id}')}"
                return RepairError(error.message, hint)
        return error


def open_state(state_dir: str | None = None, runner: Runner = services.systemctl) -> State:
    """The state in the given directory, or in the usual place. Nothing is made.

    Raises RepairError where the directory is not to be trusted.
    """
    return State(state_directory.state_directory(state_dir), runner)


def _history() -> str:
    return f"{again('history')} shows what was done"


def _in_force(entry: Record | Damaged) -> Record:
    if isinstance(entry, Damaged):
        raise RepairError(
            f"the record of {entry.id} cannot be read: {entry.reason}",
            hint=f"nothing can be put back from it; the other changes can be undone; it is in "
            f"{entry.path}",
        )
    if entry.stage not in IN_FORCE:
        raise NothingToUndo(f"the change {entry.id} has been taken back already")
    return entry
