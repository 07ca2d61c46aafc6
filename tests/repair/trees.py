"""Scratch files for the repair engine, and what they look like to the byte."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tabbydoctor.host.data import CommandResult
from tabbydoctor.repair import safefile
from tabbydoctor.repair.changes import FileChange, Plan, UnitAction
from tabbydoctor.repair.engine import State
from tabbydoctor.repair.states import FileState

Snapshot = dict[str, object]


def snapshot(root: Path) -> Snapshot:
    """Everything below a directory: content, type, mode, owner, extended attributes."""
    seen: Snapshot = {}
    for path in sorted([root, *root.rglob("*")]):
        status = path.lstat()
        attributes = {
            name: os.getxattr(path, name, follow_symlinks=False)
            for name in os.listxattr(path, follow_symlinks=False)
        }
        content: object = None
        if path.is_symlink():
            content = os.readlink(path)
        elif path.is_file():
            content = path.read_bytes()
        key = str(path.relative_to(root))
        seen[key] = (content, status.st_mode, status.st_uid, status.st_gid, attributes)
    return seen


def edit(path: Path, content: bytes) -> FileChange:
    """A change of a file's content, or its creation."""
    before = safefile.read(str(path))
    after = before.with_content(content) if before else FileState(content, 0o640)
    return FileChange(str(path), before, after)


def removal(path: Path) -> FileChange:
    """The removal of a file."""
    return FileChange(str(path), safefile.read(str(path)), None)


def permissions(path: Path, mode: int) -> FileChange:
    """A change of a file's mode alone."""
    before = safefile.read(str(path))
    assert before is not None
    return FileChange(str(path), before, before.with_permissions(mode))


def plan(*files: FileChange, actions: Sequence[UnitAction] = ()) -> Plan:
    """A plan with a title."""
    return Plan("repair the test", files, tuple(actions))


class Recorder:
    """A runner that notes the commands and lets them succeed, but for those told to fail."""

    def __init__(self, failing: str = "") -> None:
        self.ran: list[str] = []
        self.failing = failing

    def __call__(self, argv: Sequence[str], time_limit: float) -> CommandResult:
        self.ran.append(" ".join(argv))
        code = int(bool(self.failing) and self.failing in argv)
        return CommandResult(tuple(argv), code, stderr="Unit failed, api_key: 0123456789\n")


def state_in(directory: Path, runner: Recorder | None = None) -> State:
    """A state directory of the test's own."""
    return State(directory / "state", runner or Recorder())


def strays(root: Path) -> list[Path]:
    """Temporary files that were left behind."""
    return list(root.rglob(".tabbydoctor-*")) + list(root.rglob(".partial-*"))
