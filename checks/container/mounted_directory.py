"""A file that was to be mounted into TabbyAPI's container is a directory there.

## What it checks
Whether `config.yml` and `api_tokens.yml` of the container, where something is mounted at their
places, are files.

## Why it matters
Where the file of a bind mount does not exist, Docker makes a directory of its name, on this
machine, and mounts that. TabbyAPI cannot read it: it runs on its defaults (bound to the loopback
of the container, without a model), or exits for want of its keys (TabbyAPI issue 357).

## How it is told
From the mounts of the container's process (`/proc/PID/mountinfo`), and what stands at their ends.

## What to do
Stop the container, remove the directory, put the file in its place, and make the container anew.
Create the file before the first `docker compose up`.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.tabbyapi.contained_files import ContainedFiles

from . import box_of, unseen


@check(
    "CTR001",
    "container-mounted-directory",
    category="container",
    severity=Severity.ERROR,
)
def mounted_directory(files: ContainedFiles, instance: Instance) -> Iterator[Finding]:
    box = box_of(instance)
    if not files.seen:
        raise unseen(box)
    for one in files.files:
        if one.is_directory and one.outside:
            path = shlex.quote(one.outside)
            restart = f"{box.client} restart {box.called}" if box.client else ""
            yield Finding(
                f"{one.outside}, which {box.label} has for {one.inside}, is a directory",
                "The engine made it, as there was no such file. TabbyAPI cannot read it.",
                (Evidence(f"ls -ld {path}", "a file", "a directory"),),
                (
                    Remedy(
                        "Put a file in its place",
                        Safety.MANUAL,
                        (
                            *((f"{box.client} stop {box.called}",) if box.client else ()),
                            f"sudo rmdir {path}",
                            f"sudoedit {path}",
                            *((restart,) if restart else ()),
                        ),
                    ),
                ),
            )
