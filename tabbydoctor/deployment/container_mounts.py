"""What of this machine a container sees, and where: proc_pid_mountinfo(5)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from itertools import islice

from tabbydoctor.deployment.container import Mount
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass, replace

_LIMIT = 4 << 20
_MOST = 2000
"""Mounts that are looked at: in a user namespace of its own an account makes 100,000."""
_DELETED = "//deleted"
"""What the kernel puts after the path of a mounted file that has no name any more."""
_OCTAL = re.compile(r"\\([0-7]{3})")
_OF_THE_KERNEL = frozenset(
    {"proc", "sysfs", "tmpfs", "devtmpfs", "devpts", "mqueue", "cgroup", "cgroup2", "nsfs"}
)


@dataclass(frozen=True, slots=True)
class _Row:
    device: str
    root: str
    """The path in its file system."""
    point: str
    kind: str


def mounts_of(
    host: Host, pid: int, makers: frozenset[int] | None = None
) -> tuple[Mount, ...] | None:
    """The files and directories that are mounted into a container; None where unseen.

    Of mounts that accounts may have made only what is theirs has a name here: no command, pasted
    or run, is led to another's file by them.
    """
    rows = _rows(host, f"/proc/{pid}/mountinfo")
    if not rows:
        return None
    own = _rows(host, "/proc/self/mountinfo")
    first = islice(_mounts(rows, own), _MOST)
    seen = (_as_they_are(host, f"/proc/{pid}/root", one) for one in first)
    return tuple(one if _is_theirs(host, one, makers) else replace(one, outside="") for one in seen)


def _is_theirs(host: Host, mount: Mount, makers: frozenset[int] | None) -> bool:
    if makers is None or not mount.outside:
        return True
    try:
        return host.status(mount.outside, follow=False).uid in makers
    except OSError:
        return False


def _as_they_are(host: Host, root: str, mount: Mount) -> Mount:
    """Whether the path leads to the very thing that is mounted: an editor may have put another
    file there, and the container keeps the one it was given."""
    if mount.replaced or not mount.outside:
        return mount
    try:
        inside = host.way(f"{root}{mount.inside}").leaf
        outside = host.status(mount.outside, follow=False)
    except FileNotFoundError:  # the kernel would say `deleted`: it is mounted from elsewhere
        return replace(mount, outside="")
    except OSError:
        return mount
    return replace(mount, replaced=inside.is_file and inside.identity != outside.identity)


def _mounts(rows: Sequence[_Row], own: Sequence[_Row]) -> Iterator[Mount]:
    for row in rows:
        if row.point == "/" or row.kind in _OF_THE_KERNEL - {"tmpfs"}:
            continue
        gone = row.root.endswith(_DELETED)
        outside = _outside(row.root.removesuffix(_DELETED), row.device, own)
        if outside or row.kind != "tmpfs":
            yield Mount(row.point, outside, replaced=gone)


def _outside(root: str, device: str, own: Sequence[_Row]) -> str:
    """A path of a file system, by where that is mounted here; empty where it is not."""
    for row in reversed(own):
        if row.device == device and _within(root, row.root):
            rest = root[len(row.root.rstrip("/")) :].strip("/")
            return posixpath.join(row.point, rest).rstrip("/") or "/"
    return ""


def _within(path: str, directory: str) -> bool:
    return path == directory or path.startswith(f"{directory.rstrip('/')}/")


def _rows(host: Host, path: str) -> list[_Row]:
    try:
        text = host.read(path, _LIMIT).text()
    except OSError:
        return []
    found = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(" "), after.partition(" ")[0]
        if len(fields) >= 5 and kind:
            found.append(_Row(fields[2], _plain(fields[3]), _plain(fields[4]), kind))
    return found


def _plain(text: str) -> str:
    """Blanks and the like are written in octal (getmntent(3))."""
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), text)
