"""TabbyAPI cannot use a configuration file.

## What it checks
Every file TabbyAPI reads: its syntax as TabbyAPI's own YAML reader (ruamel.yaml, YAML 1.2) sees
it, its encoding, its shape (sections that hold keys), its kind (a FIFO, a directory), whether the
service's account may open it, and whether reading it would end.

## Why it matters
With most of these TabbyAPI logs one line and runs **on its defaults**: authentication on,
127.0.0.1:5000, no model. A file that holds a list or a single value stops the start; a FIFO or
aliases that multiply hang it.

## How it is told
By reading the file in the same way, with limits. Values are never shown.

## What to do
Correct the line that is named. `tabbydoctor config` shows what applies meanwhile.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.tabbyapi.config import ConfigFile, EffectiveConfig, Ignored

from . import edit, made_elsewhere

_TITLES = {
    "unreadable": "{path} cannot be opened by TabbyAPI",
    "syntax": "{path} is not valid YAML: {detail}",
    "empty": "{path} is empty",
    "not-mapping": "{path} holds no sections",
    "not-a-file": "{path} is no file",
    "alias-bomb": "{path}: {detail}",
    "not-utf8": "{path} is not UTF-8 text",
    "several-documents": "{path} holds several YAML documents",
    "too-large": "{path} is too large to be judged",
}


@check(
    "CFG002",
    "config-unreadable",
    category="config",
    severity=Severity.ERROR,
    caused_by=("CTR001",),
)
def unreadable(
    config: EffectiveConfig, instance: Instance, machine: Machine | None
) -> Iterator[Finding]:
    for file in config.files:
        if file.problem not in (None, "missing"):
            yield _unusable(file, instance, machine)
    for item in config.ignored:
        if item.why == "section-not-mapping":
            yield _broken_section(item, instance, machine)


def _unusable(file: ConfigFile, instance: Instance, machine: Machine | None) -> Finding:
    title = _TITLES[file.problem or "syntax"].format(path=file.path, detail=file.detail)
    large = file.problem == "too-large" and not file.hangs
    return Finding(
        title,
        _consequence(file),
        (Evidence(_place(file), "one YAML mapping of sections", file.detail),),
        (_remedy(file, instance, machine),),
        severity=Severity.WARNING if large else None,
    )


def _place(file: ConfigFile) -> str:
    return f"{file.path}:{file.line}" if file.line else file.path


def _consequence(file: ConfigFile) -> str:
    if file.hangs:
        return "TabbyAPI's start hangs on it."
    if file.problem == "not-mapping":
        return "TabbyAPI exits with status 1 on it."
    if file.problem == "too-large":
        return "What it sets is not known here; TabbyAPI may take long to read it."
    rest = "the working directory's config.yml or " if file.role == "config-file" else ""
    return f"TabbyAPI logs one line about it and then runs on {rest}its defaults."


def _remedy(file: ConfigFile, instance: Instance, machine: Machine | None) -> Remedy:
    path = shlex.quote(file.path)
    of_file = file.problem != "unreadable" or file.denied_at in ("", file.path)
    elsewhere = made_elsewhere(file.path, instance, machine) if of_file else None
    if elsewhere:
        return elsewhere
    if file.problem == "unreadable" and instance.user:
        user = shlex.quote(instance.user.name)
        barrier = shlex.quote(file.denied_at)
        commands: tuple[str, ...] = (f"sudo -u {user} cat {path}", f"namei -l {path}")
        bent = file.way is not None and file.way.shaper is not None
        if file.way and file.way.own_file and file.denied_at == file.way.leaf.path:
            commands = (f"sudo setfacl -m u:{user}:r {barrier}",)
        elif bent:
            pass  # nobody is given what he could only have put there
        elif file.denied_at == file.path:
            commands = (f"sudo chown {user} {path}", f"sudo chmod u+r {path}")
        elif file.denied_at:
            commands = (f"sudo setfacl -m u:{user}:x {barrier}",)
        title = f"Let {instance.user.name} read it, then restart TabbyAPI"
        return Remedy(title, Safety.MANUAL, (*commands, *instance.restart))
    if file.problem in ("not-a-file", "unreadable"):
        look = f"ls -ld {path}"
        return Remedy("Put a regular file there", Safety.MANUAL, (look, *instance.restart))
    title = f"Correct line {file.line}" if file.line else "Write a configuration into it"
    commands = (f"sudoedit {path}", *instance.restart)
    return Remedy(f"{title}, then restart TabbyAPI", Safety.MANUAL, commands)


def _broken_section(item: Ignored, instance: Instance, machine: Machine | None) -> Finding:
    return Finding(
        f"Section {item.section} in {item.origin.where} holds no keys",
        "A section must be a mapping: TabbyAPI drops this one and keeps its defaults there.",
        (Evidence(item.origin.where, f"{item.section}: with keys below it", "something else"),),
        (
            edit(
                f"Write the keys of {item.section} below it, indented",
                item.origin,
                instance,
                machine=machine,
            ),
        ),
    )
