"""Why a repair cannot go on, in words an operator can act on.

RepairError
  ChangedMeanwhile   the file is not what the plan (or the record) saw
  Unreachable        the file cannot be reached safely: a link, a second name, no file
  Busy               another repair holds the lock
  NothingToUndo      no change can be taken back
"""

from __future__ import annotations

import errno
import os


class RepairError(Exception):
    """Why, and the way out."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ChangedMeanwhile(RepairError):  # noqa: N818 - an answer, not an error
    """Somebody else changed the file: it is not overwritten."""

    def __init__(self, path: str, hint: str = "run the command again to plan anew") -> None:
        super().__init__(f"{path} was changed by somebody else; it is left as it is", hint)


class Unreachable(RepairError):  # noqa: N818 - an answer, not an error
    """The path leads to something the doctor does not write to."""


class Busy(RepairError):  # noqa: N818 - an answer, not an error
    """Another repair is under way."""


class NothingToUndo(RepairError):  # noqa: N818 - an answer, not an error
    """No change is recorded that could be taken back."""


_HINTS = {
    errno.ENOSPC: "free some space on that file system, then run the command again",
    errno.EDQUOT: "the owner's disk quota is used up",
    errno.EROFS: "the file system is mounted read-only (on NixOS: change configuration.nix)",
    errno.EIO: "the disk reports an error: see journalctl -k",
    errno.ENAMETOOLONG: "the file name leaves no room for a temporary one beside it",
}


def explained(error: OSError, path: str, doing: str) -> RepairError:
    """An error of the kernel as a RepairError: `cannot write /x: No space left on device`."""
    hint = _HINTS.get(error.errno or 0, "")
    if error.errno in (errno.EACCES, errno.EPERM):
        hint = (
            "run it with sudo"
            if os.geteuid()
            else "the file or its directory may be immutable (lsattr), or protected by SELinux"
        )
    return RepairError(f"cannot {doing} {path}: {error.strerror or error}", hint)
