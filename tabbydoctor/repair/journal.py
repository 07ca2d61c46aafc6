"""The journal: every change is recorded, and durable, before its first file is touched.

    STATE/changes/20261123T053612Z-4f2a/manifest.json   what, when, how far it has come
                                        <sha256>        contents before and after

Directories have mode 0700, files 0600: contents hold keys. A record that was damaged is told of,
and stands in the way of no other.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tabbydoctor.records import replace
from tabbydoctor.repair import safefile, state_directory, store
from tabbydoctor.repair.changes import FileChange, Plan
from tabbydoctor.repair.errors import RepairError, explained
from tabbydoctor.repair.manifest import (
    DIGEST,
    LIMIT,
    UnreadableManifest,
    from_json,
    suspected,
    to_json,
)
from tabbydoctor.repair.record import (
    IN_FORCE,
    UNFINISHED,
    Damaged,
    Record,
    Stage,
    StoredState,
    record_of,
)
from tabbydoctor.repair.states import FileState

_CHANGES = "changes"
_MANIFEST = "manifest.json"
_PARTIAL = ".partial-"
_ID = re.compile(r"(\d{8}T\d{6}Z)-([0-9a-f]{4})")
_TIME = "%Y%m%dT%H%M%SZ"


class Journal:
    """All records below one state directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / _CHANGES

    def exists(self) -> bool:
        """Whether anything was ever recorded here. Raises RepairError."""
        with self._opened() as changes:
            return changes is not None

    def entries(self) -> list[Record | Damaged]:
        """Every record, the oldest first. Raises RepairError."""
        with self._opened() as changes:
            if changes is None:
                return []
            return [self._entry(id, changes) for id in _ids(changes)]

    def records(self) -> list[Record]:
        """Every record that can be read, the oldest first. Raises RepairError."""
        return [entry for entry in self.entries() if isinstance(entry, Record)]

    def prepare(self, plan: Plan, directories: tuple[str, ...]) -> Record:
        """Record a plan: afterwards it is durable, whole and `prepared`. Raises RepairError."""
        now = datetime.now(UTC)
        with self._made() as changes:
            id = self._next_id(now, _ids(changes))
            record = record_of(plan, id, now.isoformat(timespec="seconds"), directories)
            manifest = to_json(record).encode("ascii")
            if len(manifest) > LIMIT:
                raise RepairError("the change is too large to be recorded")
            partial = f"{_PARTIAL}{id}"
            try:
                os.mkdir(partial, 0o700, dir_fd=changes)
                with store.directory(partial, changes) as directory:
                    for state in _states(plan):
                        if not store.exists(state.digest, directory):
                            store.write(state.digest, state.content, directory)
                    store.write(_MANIFEST, manifest, directory)
                    os.fsync(directory)
                os.rename(partial, id, src_dir_fd=changes, dst_dir_fd=changes)
                os.fsync(changes)
            except OSError as error:
                store.remove(partial, changes)
                raise explained(error, str(self._path), "record the change in") from error
        return record

    def mark(self, record: Record, stage: Stage) -> Record:
        """The record at a new stage, durable. Raises RepairError."""
        marked = replace(record, stage=stage)
        new = f"{_PARTIAL}{secrets.token_hex(4)}-{_MANIFEST}"
        try:
            with self._opened() as changes, store.directory(record.id, _there(changes)) as place:
                try:
                    store.write(new, to_json(marked).encode("ascii"), place)
                    os.rename(new, _MANIFEST, src_dir_fd=place, dst_dir_fd=place)
                    os.fsync(place)
                except OSError:
                    store.remove(new, place)
                    raise
        except OSError as error:
            where = str(self._path / record.id)
            raise explained(error, where, "record the state of the change in") from error
        return marked

    def changes(self, record: Record) -> tuple[FileChange, ...]:
        """A record's files with their contents. Raises RepairError for a damaged record."""
        path = self._path / record.id
        try:
            with self._opened() as changes, store.directory(record.id, _there(changes)) as place:
                return _changes(record, place)
        except OSError as error:
            raise explained(error, str(path), "read the recorded contents in") from error
        except UnreadableManifest as error:
            raise RepairError(
                f"the record {path} is damaged: {error}",
                hint=f"nothing can be put back from it; to go on, move {path} away",
            ) from error

    def clear_partial(self) -> None:
        """Remove records that were never finished: their changes were not begun."""
        with self._opened() as changes:
            if changes is None:
                return
            _clear(changes)
            for id in _ids(changes):
                with contextlib.suppress(OSError), store.directory(id, changes) as record:
                    _clear(record)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int | None]:
        """A handle of the records' directory; None where there is none. Raises RepairError."""
        with contextlib.ExitStack() as stack:
            changes: int | None
            try:
                state = state_directory.opened(self._directory)
                stack.callback(os.close, state)
                changes = stack.enter_context(store.directory(_CHANGES, state))
            except FileNotFoundError:
                changes = None
            except OSError as error:
                raise explained(error, str(self._path), "read") from error
            yield changes

    @contextlib.contextmanager
    def _made(self) -> Iterator[int]:
        """A handle of the records' directory, which is made where there is none."""
        with contextlib.ExitStack() as stack:
            try:
                state = state_directory.opened(self._directory)
                stack.callback(os.close, state)
                with contextlib.suppress(FileExistsError):
                    os.mkdir(_CHANGES, 0o700, dir_fd=state)
                    os.fsync(state)
                changes = stack.enter_context(store.directory(_CHANGES, state))
            except OSError as error:
                raise explained(error, str(self._path), "record the change in") from error
            yield changes

    def _entry(self, id: str, changes: int) -> Record | Damaged:
        path = str(self._path / id)
        content = b""
        try:
            with store.directory(id, changes) as place:
                content = store.read(_MANIFEST, place, LIMIT)
                record = from_json(content)
                if record.id != id:
                    raise UnreadableManifest(f"it is the manifest of {record.id}")
                if record.stage in IN_FORCE | UNFINISHED:
                    _changes(record, place)
        except OSError as error:
            reason = error.strerror or type(error).__name__
        except UnreadableManifest as error:
            reason = str(error)
        else:
            return record
        return Damaged(id, f"{path}: {reason}", path, suspected(content))

    def _next_id(self, now: datetime, ids: list[str]) -> str:
        """Later than every id there is, even within a second or where the clock went back."""
        time, number = now.strftime(_TIME), secrets.randbelow(0x8000)
        last = _ID.fullmatch(ids[-1]) if ids else None
        if last and last[1] >= time:
            time, number = last[1], int(last[2], 16) + 1
        try:
            if number > 0xFFFF:
                later = datetime.strptime(time, _TIME) + timedelta(seconds=1)
                time, number = later.strftime(_TIME), 0
        except (ValueError, OverflowError) as error:
            path = self._path / ids[-1]
            raise RepairError(f"no id is later than that of {path}", f"move {path} away") from error
        return f"{time}-{number:04x}"


def _ids(changes: int) -> list[str]:
    return sorted(name for name in os.listdir(changes) if _ID.fullmatch(name))


def _clear(directory: int) -> None:
    for name in os.listdir(directory):
        if name.startswith(_PARTIAL):
            store.remove(name, directory)


def _there(changes: int | None) -> int:
    if changes is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return changes


def _states(plan: Plan) -> list[FileState]:
    states = [state for change in plan.files for state in (change.before, change.after)]
    return [state for state in states if state is not None]


def _changes(record: Record, place: int) -> tuple[FileChange, ...]:
    """Raises Unreadable, OSError."""
    stored = {one.digest for file in record.files for one in (file.before, file.after) if one}
    if not stored.issuperset(name for name in os.listdir(place) if DIGEST.fullmatch(name)):
        raise UnreadableManifest("it holds contents that its manifest does not name")
    return tuple(
        FileChange(file.path, _content(file.before, place), _content(file.after, place))
        for file in record.files
    )


def _content(stored: StoredState | None, place: int) -> FileState | None:
    if stored is None:
        return None
    content = store.read(stored.digest, place, safefile.LIMIT)
    if hashlib.sha256(content).hexdigest() != stored.digest:
        raise UnreadableManifest(f"the recorded content {stored.digest} is damaged")
    return stored.with_content(content)
