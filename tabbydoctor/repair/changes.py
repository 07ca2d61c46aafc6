"""A plan as data: what becomes of which file, and which units are reloaded or restarted."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from typing import Literal

from tabbydoctor.records import dataclass, field, replace
from tabbydoctor.redaction import Redacted
from tabbydoctor.repair.diff import unified_diff
from tabbydoctor.repair.errors import RepairError
from tabbydoctor.repair.states import FileState

ChangeKind = Literal["create", "remove", "edit", "permissions", "none"]


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file before and after; `None` is a file that is not there."""

    path: str
    """Absolute."""
    before: FileState | None
    after: FileState | None

    @property
    def kind(self) -> ChangeKind:
        """What is done to the file."""
        if self.before == self.after:
            return "none"
        if self.before is None:
            return "create"
        if self.after is None:
            return "remove"
        return "edit" if self.before.content != self.after.content else "permissions"

    @property
    def target(self) -> str:
        """The path."""
        return self.path

    def diff(self) -> Redacted:
        """The change as a unified diff without secrets."""
        return unified_diff(self.path, self.before, self.after)


@dataclass(frozen=True, slots=True)
class DaemonReload:
    """`systemctl daemon-reload`: systemd reads its unit files again."""

    user_manager: str | None = None
    """The account whose own systemd is meant; None for the system's."""

    kind = "daemon-reload"

    @property
    def target(self) -> str:
        """Which systemd, in words."""
        return f"systemd of {self.user_manager}" if self.user_manager else "systemd"


@dataclass(frozen=True, slots=True)
class Restart:
    """`systemctl restart` of one unit."""

    unit: str
    user_manager: str | None = None
    """The account whose own systemd runs it; None for the system's."""

    kind = "restart"

    @property
    def target(self) -> str:
        """The unit."""
        return self.unit

    @property
    def command(self) -> str:
        """As an operator types it."""
        owner = self.user_manager
        who = "sudo systemctl" if owner is None else f"systemctl --user --machine={owner}@.host"
        return f"{who} restart {shlex.quote(self.unit)}"


@dataclass(frozen=True, slots=True)
class Reload:
    """`systemctl reload` of one unit: its program reads its configuration again and serves on."""

    unit: str

    kind = "reload"
    user_manager = None

    @property
    def target(self) -> str:
        """The unit."""
        return self.unit

    @property
    def command(self) -> str:
        """As an operator types it."""
        return f"sudo systemctl reload {shlex.quote(self.unit)}"


@dataclass(frozen=True, slots=True)
class Parser:
    """A program's own look at its configuration, without which nothing of it is reloaded.

    It is run as the account that the program is started as.
    """

    argv: tuple[str, ...]
    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What the configuration refers to."""

    def __str__(self) -> str:
        return shlex.join(self.argv)


@dataclass(frozen=True, slots=True)
class Enable:
    """`systemctl enable --now` of a unit that the change brings.

    Taking the change back stops and disables it first, while its files are still there: what it
    does when it stops is done.
    """

    unit: str

    kind = "enable"
    user_manager = None

    @property
    def target(self) -> str:
        """The unit."""
        return self.unit

    @property
    def command(self) -> str:
        """As an operator types it."""
        return f"sudo systemctl enable --now {shlex.quote(self.unit)}"


UnitAction = DaemonReload | Restart | Reload | Enable


@dataclass(frozen=True, slots=True)
class Plan:
    """All that one `fix` run changes, in order: the files first, then the actions."""

    title: str
    files: tuple[FileChange, ...] = ()
    actions: tuple[UnitAction, ...] = ()
    read: tuple[FileChange, ...] = ()
    """Files that it was made from and leaves as they are: were they others, it holds no more."""
    parsers: tuple[Parser, ...] = ()
    """What is to accept the files before any action; what refuses them has all taken back."""

    def __post_init__(self) -> None:
        paths = [change.path for change in self.files]
        for path in paths:
            if not os.path.isabs(path) or os.path.normpath(path) != path or "\0" in path:
                raise RepairError(f"a plan needs absolute, plain paths, not {path!r}")
        if len(set(paths)) < len(paths):
            raise RepairError(f"the plan {self.title!r} changes a file twice")

    @property
    def needed(self) -> Plan:
        """The plan without changes that change nothing: those files were only read."""
        files = tuple(one for one in self.files if one.kind != "none")
        read = tuple(one for one in self.files if one.kind == "none")
        return replace(self, files=files, read=(*self.read, *read))

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.needed.files and not self.actions

    def diff(self) -> Redacted:
        """All files' changes as one unified diff without secrets."""
        return Redacted("".join(change.diff() for change in self.needed.files))


@dataclass(frozen=True, slots=True)
class EarlierChange:
    """A change of before that is in force."""

    id: str
    title: str
    files: tuple[FileChange, ...]
