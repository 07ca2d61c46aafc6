"""Something of TabbyAPI's is mounted into its container where TabbyAPI does not look.

## What it checks
The mounts of the container whose last name is that of a file or directory of TabbyAPI's:
config.yml, api_tokens.yml, and the directories of models, draft models, LoRAs and embedding models.

## Why it matters
TabbyAPI finds nothing, and says nothing: it starts without a model, on defaults, or makes keys of
its own, while everything seems to be mounted.

## How it is told
From the mounts of the server's process, its working directory and its configuration. What lies at
or below the place where TabbyAPI looks, or holds it, is read.

## What to do
Mount it at the place that is named, and make the container anew.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Severity, check
from tabbydoctor.deployment.container import Container, Mount
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.tabbyapi.config import EffectiveConfig

from . import box_of, made_anew, unseen
from .looked_at import looked_at


@check("CTR008", "container-mount-unread", category="container", severity=Severity.WARNING)
def mount_unread(instance: Instance, config: EffectiveConfig | None) -> Iterator[Finding]:
    box = box_of(instance)
    if box.mounts is None:
        raise unseen(box)
    named = {posixpath.basename(path): path for path in reversed(looked_at(box, config))}
    for mount in box.mounts:
        place = named.get(posixpath.basename(mount.inside))
        if place and not any(_meet(place, other.inside) for other in box.mounts):
            yield _finding(box, mount, place)


def _meet(place: str, inside: str) -> bool:
    """Whether a mount holds a place, or lies below it."""
    holds = inside != "/" and (place == inside or place.startswith(f"{inside}/"))
    return holds or inside.startswith(f"{place}/")


def _finding(box: Container, mount: Mount, place: str) -> Finding:
    what = mount.outside or "a volume"
    return Finding(
        f"{what} is mounted at {mount.inside}, and TabbyAPI looks at {place}",
        f"What is in it is not there for the TabbyAPI of {box.label}.",
        (Evidence(f"/proc/{box.pid}/mountinfo", f"a mount at {place}", mount.inside),),
        (made_anew(f"Mount it there: {mount.outside or 'the volume'}:{place}", box),),
    )
