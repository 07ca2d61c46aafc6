"""What room is left where TabbyAPI writes: df(1), as its account has it."""

from __future__ import annotations

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.documents import whole_number
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass

_NEEDED = 64 << 10
"""Bytes: a log and a tokens file; what a file system without a free block cannot take."""


@dataclass(frozen=True, slots=True)
class DiskRoom:
    """The file system of TabbyAPI's working directory."""

    mount: str
    free_bytes: int
    """What others than root may still use."""
    free_inodes: int | None = None
    """How many files may still be made; None where the file system does not count them."""

    @property
    def full(self) -> str:
        """What has run out, in words; empty where nothing has."""
        if self.free_bytes < _NEEDED:
            return "no room"
        return "no free inode" if self.free_inodes == 0 else ""


def disk_room(host: Host, instance: Instance) -> DiskRoom:
    """Ask df. Raises Unknown where it does not tell."""
    argv = ["df", "--block-size=1", "--output=avail,iavail,target", "--", _directory(instance)]
    answer = host.run(argv, timeout=5.0)
    words = answer.stdout.splitlines()[-1].split(maxsplit=2) if answer.stdout.strip() else []
    free = whole_number(words[0]) if len(words) == 3 else None
    if free is None and instance.contained:
        raise Absent(f"{instance.container} keeps what it writes where df does not see it")
    if free is None:
        raise Unknown(f"df does not tell how full the disk of {instance.directory} is")
    # A file system without a fixed number of inodes (btrfs) shows `-` or 0 for all of them.
    inodes = whole_number(words[1])
    return DiskRoom(words[2], free, inodes if inodes or _counts_inodes(host, argv) else None)


def _directory(instance: Instance) -> str:
    """What is mounted into a container has its name here; all else is in its engine's storage."""
    box = instance.contained
    if box is None:
        return instance.directory
    return box.outside(instance.directory) or box.storage


def _counts_inodes(host: Host, argv: list[str]) -> bool:
    total = host.run([*argv[:2], "--output=itotal", *argv[3:]], timeout=5.0)
    lines = total.stdout.split()
    return bool(lines) and bool(whole_number(lines[-1]))


GATHERERS = (disk_room,)
