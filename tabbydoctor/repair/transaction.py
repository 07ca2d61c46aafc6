"""Applying a plan, and taking it back: all of it, whatever happens on the way.

The files come first, the unit actions then, the proof last. Until the record says `applied` or
`verified`, whoever comes next takes the change back; taking back may itself be interrupted any
number of times.
"""

from __future__ import annotations

from collections.abc import Callable

from tabbydoctor.invocation import again
from tabbydoctor.records import replace
from tabbydoctor.repair import directories, interrupts, parsers, safefile, services
from tabbydoctor.repair.changes import Enable, FileChange, Plan
from tabbydoctor.repair.errors import ChangedMeanwhile, RepairError, Unreachable, explained
from tabbydoctor.repair.journal import Journal
from tabbydoctor.repair.record import UNFINISHED, Record, Stage
from tabbydoctor.repair.services import Runner

Verify = Callable[[], bool | None]
"""Whether the change works; None where that cannot be proven now."""


class Transaction:
    """Changes to one machine, recorded in one journal."""

    def __init__(self, journal: Journal, runner: Runner, *, restart: bool) -> None:
        """Without `restart` units are left running as they are."""
        self._journal = journal
        self._runner = runner
        self._restart = restart
        self._acts = True
        """Whether taking back performs the actions again: not where none was performed."""

    def apply(self, plan: Plan, verify: Verify | None) -> Record:
        """Apply a plan that changes files; the record says how that ended.

        `rolled-back`: a unit action or the verification failed, everything is as before. Raises
        RepairError where the files could not be changed; then, too, everything is as before.
        """
        for change in (*plan.files, *plan.read):
            if safefile.read(change.path) != change.before:
                raise ChangedMeanwhile(change.path)
        with interrupts.held("taking everything back; that goes on to its end"):
            interrupts.checkpoint()
            record = self._journal.prepare(plan, _directories(plan))
            try:
                problems, ended = self._do(record, plan, verify)
                if ended is not None:
                    return ended
            except BaseException as error:
                taken_back = self.roll_back(record)
                if taken_back.left and isinstance(error, RepairError):
                    raise RepairError(error.message, " · ".join(taken_back.notes)) from error
                if taken_back.left and isinstance(error, KeyboardInterrupt):
                    raise KeyboardInterrupt(*taken_back.notes) from error
                raise
            return self.roll_back(replace(record, notes=problems))

    def _do(
        self, record: Record, plan: Plan, verify: Verify | None
    ) -> tuple[tuple[str, ...], Record | None]:
        """The problems there were; without any, and with no proof against it, the record."""
        self._write(record, plan)
        with interrupts.open_to_interrupts():
            refused = parsers.refusals(plan.parsers)
        if refused:  # nothing was told of the files: nothing has to be told again
            self._acts = False
            return refused, None
        with interrupts.open_to_interrupts():
            problems = services.perform(plan.actions, self._runner, restart=self._restart)
            proof = verify() if verify and not problems else None
        if problems or proof is False:
            return problems, None
        ended = self._journal.mark(record, Stage.VERIFIED if proof else Stage.APPLIED)
        interrupts.checkpoint()
        return (), ended

    def roll_back(self, record: Record) -> Record:
        """Take back what is the change's own; files that others changed are left and noted."""
        try:
            record = self._journal.mark(record, Stage.ROLLING_BACK)
        except RepairError:
            # A full disk: the files matter more. Where the note at the end fails too, it says so.
            record = replace(record, stage=Stage.ROLLING_BACK)
        return self._finish(record, Stage.ROLLED_BACK)

    def recover(self, record: Record) -> Record:
        """End what an interrupted process left unfinished, by taking the change back."""
        if record.stage is Stage.UNDOING:
            return self._finish(record, Stage.UNDONE)
        if record.stage is Stage.ROLLING_BACK:
            return self._finish(record, Stage.ROLLED_BACK)
        self._clear(record)
        if self._untouched(record):
            # The actions come after the files: none has run.
            self._remove_directories(record)
            return self._journal.mark(record, Stage.ROLLED_BACK)
        return self.roll_back(record)

    def undo(self, record: Record) -> Record:
        """Take a change back.

        Raises ChangedMeanwhile, before anything is done, where a file is neither as the change
        left it nor as it was before.
        """
        for change in self._journal.changes(record):
            found = safefile.read(change.path)
            nowhere = change.before and directories.missing_directories(change.path)
            if nowhere or found not in (change.before, change.after):
                raise ChangedMeanwhile(change.path, hint="nothing was taken back")
        return self._finish(self._journal.mark(record, Stage.UNDOING), Stage.UNDONE)

    def _write(self, record: Record, plan: Plan) -> None:
        for directory in record.directories:
            try:
                directories.make_directory(directory)
            except OSError as error:
                raise explained(error, directory, "make the directory") from error
        for change in plan.files:
            interrupts.checkpoint()
            safefile.replace(change.path, change.before, change.after, record.id)

    def _finish(self, record: Record, stage: Stage) -> Record:
        """Put the files back that are as the change left them, then run its actions again.

        What it enabled is stopped before, with or without restarts: its files are to go.

        Raises RepairError where one could not be written: the others are put back, and the
        record stays unfinished, so that the next run tries again.
        """
        self._clear(record)
        left: list[str] = []
        notes = list(services.withdraw(record.actions, self._runner))
        failures: list[RepairError] = []
        for change in reversed(self._journal.changes(record)):
            try:
                self._restore(record, change)
            except (ChangedMeanwhile, Unreachable) as error:
                left.append(change.path)
                notes.append(f"not put back: {error.message}")
            except RepairError as error:
                failures.append(error)
        if failures:
            raise RepairError(
                f"not all could be put back: {'; '.join(one.message for one in failures)}",
                hint=failures[0].hint or f"see to that, then: {again('undo')}",
            )
        notes += self._remove_directories(record)
        actions = record.actions if self._acts else ()
        repeated = (one for one in actions if not isinstance(one, Enable))
        notes += services.perform(repeated, self._runner, restart=self._restart)
        ended = replace(record, left=tuple(left), notes=(*record.notes, *notes))
        return self._journal.mark(ended, stage)

    def _restore(self, record: Record, change: FileChange) -> None:
        found = safefile.read(change.path)
        if found == change.before:
            return
        if found != change.after:
            raise ChangedMeanwhile(change.path)
        safefile.replace(change.path, change.after, change.before, record.id)

    def _untouched(self, record: Record) -> bool:
        try:
            return all(
                safefile.read(change.path) == change.before
                for change in self._journal.changes(record)
            )
        except RepairError:
            return False

    def _clear(self, record: Record) -> None:
        for path in record.targets:
            try:
                safefile.clear_temporaries(path, record.id)
            except RepairError:
                continue  # putting the file back meets the same fault, and tells it

    def _remove_directories(self, record: Record) -> list[str]:
        notes = []
        for directory in reversed(record.directories):
            try:
                directories.remove_directory(directory)
            except (OSError, RepairError) as error:
                notes.append(f"{directory} was not removed: {error}")
        return notes


def unfinished(journal: Journal) -> list[Record]:
    """The records of interrupted processes, the latest first: so they are taken back."""
    return [record for record in reversed(journal.records()) if record.stage in UNFINISHED]


def _directories(plan: Plan) -> tuple[str, ...]:
    needed: list[str] = []
    for change in plan.files:
        if change.after is None:
            continue
        try:
            missing = directories.missing_directories(change.path)
        except OSError as error:
            raise explained(error, change.path, "reach") from error
        needed += [directory for directory in missing if directory not in needed]
    return tuple(needed)
