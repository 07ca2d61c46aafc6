"""The disk on which TabbyAPI writes is full.

## What it checks
Whether the file system of TabbyAPI's working directory has room for its log and its tokens, and
free inodes.

## Why it matters
TabbyAPI opens a log file before anything else, and makes api_tokens.yml at its first start: on a
full disk the start ends, or leaves that file empty, and every later start ends on it.

## How it is told
By df(1): what is left to others than root.

## What to do
Make room: old models, caches below the account's home, `logs/`. Where api_tokens.yml was left
empty, remove it: TabbyAPI makes it anew, with new keys.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.disk_room import DiskRoom
from tabbydoctor.deployment.parts import Instance


@check("SVC013", "disk-full", category="service", severity=Severity.ERROR)
def disk_full(room: DiskRoom, instance: Instance) -> Iterator[Finding]:
    if not room.full:
        return
    directory, mount = shlex.quote(instance.directory), shlex.quote(room.mount)
    inodes = "-i" if room.free_bytes and room.free_inodes == 0 else "-h"
    look = f"df {inodes} {directory}"
    yield Finding(
        f"The disk of TabbyAPI's directory is full: {room.full} is left on {room.mount}",
        "TabbyAPI cannot write its log or api_tokens.yml there.",
        (Evidence(look, "room for a log and a tokens file", room.full),),
        (
            Remedy(
                "See what takes the room, remove what is not needed, start TabbyAPI",
                Safety.MANUAL,
                (look, f"sudo du -xh --max-depth=2 {mount} | sort -h | tail", *instance.restart),
            ),
        ),
    )
