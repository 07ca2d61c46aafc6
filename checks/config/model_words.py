"""What findings on the files of a model share: what they are judged by, and the ways out."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from tabbydoctor.api import Evidence, Finding, Remedy, Severity
from tabbydoctor.deployment.nixos import in_store
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.gpu.architectures import Architectures
from tabbydoctor.gpu.service_groups import ServiceGroups
from tabbydoctor.nixos.by_rebuild import where_made
from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.model_weights import ModelDirectory

from ..python_packages import as_account
from . import edit

SHOWN = 4
"""Files of a kind that are named."""


@dataclass(frozen=True, slots=True)
class Judging:
    """By what a model's files are judged."""

    instance: Instance
    machine: Machine | None
    account: ServiceGroups | None
    known: Architectures | None
    exllamav3: bool
    """Whether it is exllamav3 that loads the models, and nothing else."""
    extra: str
    """The extra of TabbyAPI's that fits the torch that is there."""


def ending(
    one: ModelDirectory, title: str, detail: str, seen: tuple[Evidence, ...], *remedies: Remedy
) -> Finding:
    warned = one.file.part == "LoRA"
    ends = (
        "TabbyAPI goes on without it." if warned else "TabbyAPI exits with status 1 as it loads it."
    )
    setting = one.file.setting
    named = Evidence(setting.origin.where, None, f"{setting.name}: {one.file.name}")
    return Finding(
        title,
        f"{detail} {ends}".strip(),
        (*seen, named),
        remedies,
        severity=Severity.WARNING if warned else None,
    )


def again(one: ModelDirectory, by: Judging) -> Iterator[Remedy]:
    """Downloading what lacks."""
    path, restart = one.file.path, by.instance.restart
    if in_store(path):
        yield where_made("Take it anew from where it is made", path, nixos=False)
    elif ".git" in one.names:
        pull = f"{as_account(by.instance)} git -C {shlex.quote(path)} lfs pull"
        yield Remedy("Download what the pointers stand for", commands=(pull, *restart))
    else:
        look = f"ls -l {shlex.quote(path)}"
        yield Remedy(
            "Download it again from where it came (hf download, or git lfs pull in its clone), "
            "and restart TabbyAPI",
            commands=(look, *restart),
        )


def name_another(one: ModelDirectory, by: Judging) -> Remedy:
    setting = one.file.setting
    title = f"Name a model in exl3 in {setting.name}"
    if one.file.part == "embedding model":
        title = f"Name another model in {setting.name}"
    return edit(title, setting.origin, by.instance, machine=by.machine)


def listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def sized(size: int) -> str:
    """Bytes as files are sold: 4.9 GB."""
    for unit, power in (("TB", 12), ("GB", 9), ("MB", 6), ("kB", 3)):
        if size >= 10**power:
            return f"{size / 10**power:.1f} {unit}"
    return "1 byte" if size == 1 else f"{size} bytes"
