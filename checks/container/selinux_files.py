"""SELinux keeps TabbyAPI's container from a file or directory that is mounted into it.

## What it checks
Where SELinux is in force: the labels of what is mounted where TabbyAPI looks for config.yml,
api_tokens.yml and its models, beside that of its process.

## Why it matters
TabbyAPI may not read it, as root neither: it ends with "Permission denied", or starts without.

## How it is told
From `/proc/PID/attr/current` and the label of each mount. A process of type `container_t` may use
what is labelled for containers (`container_file_t`), and of that only what has no categories beside
its own: a mount with `:Z` is labelled for one container alone. A home's, a temporary directory's or
an unlabelled file is closed to it. An error where TabbyAPI's log says "Permission denied", else a
warning; types of another policy are not judged.

## What to do
Label it for containers (`chcon`), and mount it with `:z`, which lets the engine do so each time. A
directory of the system or a whole home must not be labelled so: there the labels of the container
are switched off.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.container import Container
from tabbydoctor.deployment.container_labels import ContainerLabels, Label, LabelledMount
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.redaction import redact
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.log import RunLog

from . import CONFINED, box_of, made_anew, unlabelled, unseen
from .looked_at import looked_at

_CLOSED = frozenset(
    {
        *("user_home_t", "user_home_dir_t", "admin_home_t", "data_home_t", "config_home_t"),
        *("home_root_t", "user_tmp_t", "tmp_t", "default_t", "unlabeled_t", "mnt_t", "var_t"),
    }
)
_FOR_CONTAINERS = ("container_file_t", "svirt_sandbox_file_t")
_SYSTEM = ("boot", "dev", "etc", "proc", "run", "sys", "usr", "bin", "sbin", "lib", "lib64")
_SHARED = {"home": 2, "var": 2, "root": 1, "srv": 1, "opt": 1, "mnt": 1, "media": 1, "tmp": 1}
"""How many names of a path below these are still everybody's."""
_LENGTH = 200


@check("CTR018", "container-selinux-files", category="container", severity=Severity.ERROR)
def selinux_files(
    instance: Instance,
    labels: ContainerLabels,
    config: EffectiveConfig | None,
    log: RunLog | None,
) -> Iterator[Finding]:
    box, own = box_of(instance), labels.process
    if own.type not in CONFINED:
        raise Absent(f"{box.label} runs as {own.type or own.text}, which is not container_t")
    if box.mounts is None:
        raise unseen(box)
    used = {mount.inside for path in looked_at(box, config) if (mount := box.mount(path))}
    for one in labels.mounts:
        if one.mount.inside in used and _is_closed(own, one.label):
            yield _finding(box, own, one, log)


def _is_closed(own: Label, label: Label) -> bool:
    if label.type in _CLOSED:
        return True
    mine, its = own.categories, label.categories
    known = label.type in _FOR_CONTAINERS and mine is not None and its is not None
    return known and not (its or frozenset()) <= (mine or frozenset())


def _finding(box: Container, own: Label, one: LabelledMount, log: RunLog | None) -> Finding:
    seen, what = _denied(log), one.mount.outside or "what is mounted"
    why = "it is labelled for another container (`:Z`)"
    if one.label.type in _CLOSED:
        why = f"its type is {one.label.type}, not container_file_t"
    return Finding(
        f"SELinux keeps {box.label} from {one.mount.inside}",
        f"{what} may not be read there, by root of the container neither: {why}.",
        (
            Evidence(f"/proc/{box.pid}/attr/current", actual=own.text),
            Evidence(f"{box.root}{one.mount.inside}", "container_file_t:s0", one.label.text),
            *((seen,) if seen else ()),
        ),
        _remedies(box, one),
        severity=None if seen else Severity.WARNING,
    )


def _denied(log: RunLog | None) -> Evidence | None:
    for line in reversed(log.lines) if log else ():
        if "Permission denied" in line.text:
            return Evidence(log.source if log else "", actual=redact(line.text)[:_LENGTH])
    return None


def _remedies(box: Container, one: LabelledMount) -> tuple[Remedy, ...]:
    path = one.mount.outside
    if _is_whole(path):
        return (unlabelled(box),)
    anew = made_anew(f"Mount {one.mount.inside} with :z, which labels it for containers", box)
    named = one.shaper is None or one.shaper.name
    if not path or one.mount.replaced or not named:
        return (anew,)
    who = f"sudo -u {shlex.quote(one.shaper.name)}" if one.shaper else "sudo"
    label = f"{who} chcon -R -t container_file_t -l s0 {shlex.quote(path)}"
    return (
        Remedy("Label it for containers", Safety.MANUAL, (label, *box.restart)),
        anew,
    )


def _is_whole(path: str) -> bool:
    """Of the system, a file system's own top, or a home: the machine needs its label."""
    if not path:
        return False
    names = [name for name in posixpath.normpath(path).split("/") if name]
    return not names or names[0] in _SYSTEM or len(names) <= _SHARED.get(names[0], 0)
