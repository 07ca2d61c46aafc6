"""TabbyAPI's keys are inside its container alone: the next one made has others.

## What it checks
Whether `api_tokens.yml`, where authentication is on, and `config.yml` stand on this machine, or
are the container's alone.

## Why it matters
An update makes the container anew (`docker compose up` after a pull, too). What is in it alone is
gone: TabbyAPI makes new keys, and every client is refused.

## How it is told
By the mounts of its process. A file that is older than the container came with its image, and is
there again in the next one.

## What to do
Copy the files out, mount them, and make the container anew: the commands are printed.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.container import Container
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.contained_files import ContainedFile, ContainedFiles

from . import box_of, copied_out, made_anew, unseen


@check(
    "CTR003",
    "container-not-kept",
    category="container",
    severity=Severity.WARNING,
)
def not_kept(
    files: ContainedFiles, instance: Instance, config: EffectiveConfig | None
) -> Iterator[Finding]:
    box = box_of(instance)
    if not files.seen:
        raise unseen(box)
    for one in files.files:
        if one.mounted or one.modified is None:
            continue
        if box.created and one.modified < box.created:
            continue  # of its image
        keys = one.inside.endswith("api_tokens.yml")
        unused = keys and config is not None and config.auth_disabled
        lost = "TabbyAPI makes other keys then" if keys else "what it sets is gone then"
        yield Finding(
            f"{one.inside} is in {box.label} alone: the next container made begins without",
            f"An update makes the container anew; {lost}.",
            (Evidence(f"/proc/{box.pid}/mountinfo", f"a mount at {one.inside}", "none"),),
            tuple(_kept(one, box)),
            severity=None if keys and not unused else Severity.INFO,
        )


def _kept(one: ContainedFile, box: Container) -> Iterator[Remedy]:
    name = one.inside.rsplit("/", 1)[-1]
    if box.client:
        yield Remedy("Copy it out", Safety.MANUAL, (copied_out(box, one.inside),))
    yield made_anew(f"Mount it: {name}:{one.inside}", box)
