"""What a repair keeps of a file: everything but its times and its inode."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

from tabbydoctor.records import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class FileState:
    """A regular file. A file that is not there is `None` wherever a state is asked for."""

    content: bytes = field(repr=False)
    mode: int = 0o644
    """The twelve permission bits."""
    uid: int = field(default_factory=os.geteuid)
    gid: int = field(default_factory=os.getegid)
    xattrs: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Extended attributes, access control lists (acl(5)) among them."""
    labels: Mapping[str, bytes] = field(default_factory=dict, repr=False, compare=False)
    """`security.*` attributes (xattr(7)). Kept where that is permitted, and never compared: the
    machine's policy may set them anew at any time."""

    @property
    def digest(self) -> str:
        """SHA-256 of the content, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    def with_content(self, content: bytes) -> FileState:
        """The same file with other content."""
        return replace(self, content=content)

    def with_permissions(
        self, mode: int | None = None, uid: int | None = None, gid: int | None = None
    ) -> FileState:
        """The same file with another mode or owner."""
        return replace(
            self,
            mode=self.mode if mode is None else mode,
            uid=self.uid if uid is None else uid,
            gid=self.gid if gid is None else gid,
        )
