"""The journal: every change is recorded, and durable, before its first file is touched.

    STATE/changes/20261123T053612Z-4f2a/manifest.json   what, when, how far it has come
                                        <sha256>        contents before and after

Directories have mode 0700, files 0600: contents hold keys.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tabbydoctor.repair.changes import FileChange, Plan
from tabbydoctor.repair.errors import RepairError, explained
from tabbydoctor.repair.record import (
    Damaged,
    Record,
    Stage,
    StoredState,
    Unreadable,
    from_json,
    record_of,
    to_json,
)
from tabbydoctor.repair.states import FileState

_MANIFEST = "manifest.json"
_PARTIAL = ".partial-"
_ID = re.compile(r"(\d{8}T\d{6}Z)-([0-9a-f]{4})")
_TIME = "%Y%m%dT%H%M%SZ"


class Journal:
    """All records below one state directory."""

    def __init__(self, directory: Path) -> None:
        self._changes = directory / "changes"

    def exists(self) -> bool:
        """Whether anything was ever recorded here."""
        return self._changes.is_dir()

    def entries(self) -> list[Record | Damaged]:
        """Every record, the oldest first. Raises RepairError."""
        return [self._entry(id) for id in self._ids()]

    def records(self) -> list[Record]:
        """Every record that can be read, the oldest first. Raises RepairError."""
        return [entry for entry in self.entries() if isinstance(entry, Record)]

    def prepare(self, plan: Plan, directories: tuple[str, ...]) -> Record:
        """Record a plan: afterwards it is durable, whole and `prepared`. Raises RepairError."""
        now = datetime.now(UTC)
        record = record_of(plan, self._next_id(now), now.isoformat(timespec="seconds"), directories)
        partial = self._changes / f"{_PARTIAL}{record.id}"
        try:
            self._changes.mkdir(mode=0o700, exist_ok=True)
            partial.mkdir(mode=0o700)
            for state in _states(plan):
                if not (partial / state.digest).exists():
                    _write(partial / state.digest, state.content)
            _write(partial / _MANIFEST, to_json(record).encode("ascii"))
            _synchronise(partial)
            partial.rename(self._changes / record.id)
            _synchronise(self._changes)
            _synchronise(self._changes.parent)
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise explained(error, str(self._changes), "record the change in") from error
        return record

    def mark(self, record: Record, stage: Stage) -> Record:
        """The record at a new stage, durable. Raises RepairError."""
        marked = replace(record, stage=stage)
        directory = self._changes / record.id
        new = directory / f"{_PARTIAL}{_MANIFEST}"
        try:
            new.unlink(missing_ok=True)
            _write(new, to_json(marked).encode("ascii"))
            new.rename(directory / _MANIFEST)
            _synchronise(directory)
        except OSError as error:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)
            raise explained(error, str(directory), "record the state of the change in") from error
        return marked

    def changes(self, record: Record) -> tuple[FileChange, ...]:
        """A record's files with their contents. Raises RepairError for a damaged record."""
        return tuple(
            FileChange(file.path, self._state(record, file.before), self._state(record, file.after))
            for file in record.files
        )

    def clear_partial(self) -> None:
        """Remove records that were never finished: their changes were not begun."""
        if self._changes.is_dir():
            for partial in self._changes.glob(f"{_PARTIAL}*"):
                shutil.rmtree(partial, ignore_errors=True)
            for manifest in self._changes.glob(f"*/{_PARTIAL}{_MANIFEST}"):
                manifest.unlink(missing_ok=True)

    def _ids(self) -> list[str]:
        try:
            return sorted(name for name in os.listdir(self._changes) if _ID.fullmatch(name))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise explained(error, str(self._changes), "read") from error

    def _entry(self, id: str) -> Record | Damaged:
        manifest = self._changes / id / _MANIFEST
        try:
            record = from_json(manifest.read_text("ascii"))
        except OSError as error:
            return Damaged(id, f"{manifest}: {error.strerror}")
        except (Unreadable, UnicodeDecodeError) as error:
            return Damaged(id, f"{manifest}: {error}")
        if record.id != id:
            return Damaged(id, f"{manifest}: it is the manifest of {record.id}")
        return record

    def _state(self, record: Record, stored: StoredState | None) -> FileState | None:
        if stored is None:
            return None
        path = self._changes / record.id / stored.digest
        try:
            content = path.read_bytes()
        except OSError as error:
            raise explained(error, str(path), "read the recorded content") from error
        if hashlib.sha256(content).hexdigest() != stored.digest:
            raise RepairError(
                f"the recorded content {path} is damaged",
                hint=f"nothing can be put back from it; to go on, move {path.parent} away",
            )
        return stored.with_content(content)

    def _next_id(self, now: datetime) -> str:
        """Later than every id there is, even within a second or where the clock went back."""
        time, number = now.strftime(_TIME), secrets.randbelow(0x8000)
        last = _ID.fullmatch(self._ids()[-1]) if self._ids() else None
        if last and last[1] >= time:
            time, number = last[1], int(last[2], 16) + 1
            if number > 0xFFFF:
                raise RepairError(f"no id is left for a change at {time}", hint="try again")
        return f"{time}-{number:04x}"


def _states(plan: Plan) -> list[FileState]:
    states = [state for change in plan.files for state in (change.before, change.after)]
    return [state for state in states if state is not None]


def _write(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _synchronise(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
