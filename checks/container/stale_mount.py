"""The container still has the file that was mounted before this machine's was replaced.

## What it checks
Whether the path on this machine leads to the very file that the container sees.

## Why it matters
A mount is of a file, not of its name. Many editors, and `git pull`, write a new file and give it
the old name: the container keeps the old one, and what was changed does not count.

## How it is told
By device and inode number of both, and by the kernel's own mark of a file that has no name any
more (`//deleted` in `/proc/PID/mountinfo`). Where only the engine tells the mounts,
that is unknown.

## What to do
Restart the container: the mount is made anew by name. Mounting the directory in place of the file
does away with it.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.tabbyapi.contained_files import ContainedFiles

from . import box_of, unseen


@check(
    "CTR002",
    "container-stale-mount",
    category="container",
    severity=Severity.WARNING,
)
def stale_mount(files: ContainedFiles, instance: Instance) -> Iterator[Finding]:
    box = box_of(instance)
    if not files.seen or (box.answer and box.answer.mounts_alone):
        raise unseen(box)
    for one in files.files:
        if one.replaced:
            yield Finding(
                f"{box.label} has an older {one.inside} than {one.outside} is now",
                "The file was replaced on this machine; the container keeps the one it was "
                "given at its start.",
                (Evidence(f"/proc/{box.pid}/mountinfo", one.outside, "another file"),),
                (Remedy(f"Restart {box.label}", Safety.UNSAFE, instance.restart),),
            )
