"""A plan in the making: edits of the same file compose, and every step says why it is there."""

from __future__ import annotations

import contextlib
import copy
import os
import posixpath
from collections.abc import Callable, Iterator

from tabbydoctor.deployment.unit import Unit
from tabbydoctor.host import Account, FileStatus, files
from tabbydoctor.host.access import PathStatus, Want
from tabbydoctor.records import dataclass, field
from tabbydoctor.repair import safefile
from tabbydoctor.repair.changes import (
    DaemonReload,
    EarlierChange,
    Enable,
    FileChange,
    Parser,
    Plan,
    Reload,
    Restart,
    UnitAction,
)
from tabbydoctor.repair.errors import RepairError
from tabbydoctor.repair.states import FileState

ContentEdit = Callable[[bytes], bytes]


class CannotFix(Exception):  # noqa: N818 - an answer for the operator
    """Why a remedy does not apply here, and what a person can do instead."""

    def __init__(self, message: str, manual: str = "", *, loopback_would_do: bool = False) -> None:
        """`manual` is what to paste, lines and all.

        `loopback_would_do`: it would apply if TabbyAPI listened on the loopback, as all its known
        clients could reach it there.
        """
        super().__init__(message)
        self.message = message
        self.manual = manual
        self.loopback_would_do = loopback_would_do


@dataclass(slots=True)
class Draft:
    """Files by path, before and after; unit actions; and what to tell the operator."""

    notes: list[str] = field(default_factory=list)
    """What the plan does and means, a line each."""
    manual: list[str] = field(default_factory=list)
    """What is left to a person's own hands."""
    reasons: dict[str, str] = field(default_factory=dict)
    """Path or unit -> the id of the finding it answers."""
    title: str = ""
    """What the whole of it does, in a few words."""
    readers: tuple[Account, ...] = ()
    """The accounts of the deployment: what their directories hold is read for nobody else."""
    judged: dict[str, FileStatus] = field(default_factory=dict)
    """Files that findings were made from: a plan is made for those very files, or not at all."""
    by_word: dict[str, Account] = field(default_factory=dict)
    """Files that an account's own word alone named -> the account: what it could not read and write
    itself is not written for it."""
    earlier: tuple[EarlierChange, ...] = ()
    """Changes of before that are in force, the latest first."""
    _before: dict[str, FileState | None] = field(default_factory=dict)
    _after: dict[str, FileState | None] = field(default_factory=dict)
    _actions: list[UnitAction] = field(default_factory=list)
    _parsers: list[Parser] = field(default_factory=list)

    def read(self, path: str) -> bytes | None:
        """The content as planned so far; None for a file that is not there. Raises RepairError."""
        state = self._state(path)
        return state.content if state else None

    def edit(self, path: str, change: ContentEdit, why: str) -> None:
        """Change a file that is there. Raises CannotFix where it is not, RepairError."""
        state = self._state(path)
        if state is None:
            raise CannotFix(f"{path} is not there")
        self._plan(path, state.with_content(change(state.content)), why)

    def write(
        self, path: str, content: bytes, why: str, *, mode: int = 0o644, uid: int = 0, gid: int = 0
    ) -> bool:
        """Write a whole file; one that is there keeps its mode and owner. True if it changes."""
        state = self._state(path)
        own = state or FileState(b"", mode, *_owner(uid, gid))
        after = own.with_content(content)
        self._plan(path, after, why)
        return after != state

    def remove(self, path: str, why: str) -> None:
        """Remove a file."""
        self._state(path)
        self._plan(path, None, why)

    def put_back(self, path: str, why: str, of: Callable[[EarlierChange], bool]) -> bool:
        """Make a file what it was before earlier changes, as far as nobody else changed it since.

        True if it changes.
        """
        first = self._state(path)
        for change in filter(of, self.earlier):
            for file in change.files:
                if file.path == path and file.after == self._after[path]:
                    self._plan(path, file.before, why)
        return self._after[path] != first

    def permit(
        self, path: str, why: str, mode: int | None = None, uid: int | None = None,
        gid: int | None = None,
    ) -> None:  # fmt: skip
        """Change a file's mode or owner. Raises CannotFix where it is not there."""
        state = self._state(path)
        if state is None:
            raise CannotFix(f"{path} is not there")
        self._plan(path, state.with_permissions(mode, uid, gid), why)

    def move(self, path: str, to: str, why: str) -> None:
        """Give a file another name. Raises CannotFix where that name is taken."""
        state = self._state(path)
        if self._state(to) is not None:
            raise CannotFix(f"{to} is there already")
        self._plan(to, state, why)
        self._plan(path, None, why)

    def restart(self, unit: Unit, why: str) -> None:
        """Restart a unit, once, as its files are now."""
        if unit.flag("NeedDaemonReload"):
            self.reload(unit, f"{unit.name} changed on disk since systemd read it")
        self._act(Restart(unit.name, unit.owner if unit.user_manager else None), why)

    def reload(self, unit: Unit, why: str) -> None:
        """Have systemd read its unit files again, once."""
        self._act(DaemonReload(unit.owner if unit.user_manager else None), why)

    def take_anew(self, unit: Unit, why: str) -> None:
        """Have a unit's program read its configuration again, once."""
        self._act(Reload(unit.name), why)

    def require(self, parser: Parser) -> None:
        """Have a program's own parser accept the files before anything is told of them."""
        self._parsers.append(parser)

    def enable(self, unit: str, why: str) -> None:
        """Start a unit that the plan writes, now and at each boot."""
        self._act(Enable(unit), why)

    def plan(self) -> Plan:
        """The plan: reloads before restarts; files that were only read stand beside it."""
        files = tuple(
            FileChange(path, self._before[path], after) for path, after in self._after.items()
        )
        actions = sorted(self._actions, key=lambda action: action.kind != "daemon-reload")
        return Plan(self.title, files, tuple(actions), parsers=tuple(self._parsers)).needed

    @contextlib.contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """A remedy that turns out not to apply leaves nothing of itself in the draft."""
        kept = copy.deepcopy((self.notes, self.manual, self.reasons, self._actions, self._parsers))
        before, after = dict(self._before), dict(self._after)
        try:
            yield
        except (CannotFix, RepairError):
            self.notes, self.manual, self.reasons, self._actions, self._parsers = kept
            self._before, self._after = before, after
            raise

    @property
    def changes_files(self) -> bool:
        """Whether any file is to change."""
        return any(self._before[path] != after for path, after in self._after.items())

    def _act(self, action: UnitAction, why: str) -> None:
        if action not in self._actions:
            self._actions.append(action)
            self.reasons.setdefault(action.target, why)

    def _plan(self, path: str, after: FileState | None, why: str) -> None:
        self._after[path] = after
        self.reasons.setdefault(path, why)

    def _state(self, path: str) -> FileState | None:
        if path not in self._before:
            self._require_word(path)
            self._before[path] = self._after[path] = safefile.read(
                path, self.readers, self.judged.get(path)
            )
        return self._after[path]

    def _require_word(self, path: str) -> None:
        account = self.by_word.get(path)
        if account is None:
            return
        # What is not there is made in the innermost directory that is.
        way = _way(path)
        groups = {account.gid, *account.groups}
        wants: tuple[Want, ...] = ("w", "x") if way.leaf.is_directory else ("r", "w")
        if any(way.denied_at(account.uid, groups, want) for want in wants):
            raise CannotFix(
                f"{path} is named by a process or a unit of {account.name}'s alone, who may not "
                "read and write it: name it yourself (--config, --router), or run it under a unit "
                "of the system's"
            )


def _way(path: str) -> PathStatus:
    """The way to it, or to the innermost directory above it that is there. Raises OSError."""
    try:
        return files.way(path)
    except FileNotFoundError:
        return _way(posixpath.dirname(path))


def _owner(uid: int, gid: int) -> tuple[int, int]:
    """Who is to own a new file; without root only oneself can."""
    return (uid, gid) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
