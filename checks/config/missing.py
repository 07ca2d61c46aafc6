"""A configuration file that TabbyAPI is told to use is not there.

## What it checks
The `--config` file, or `config.yml` in TabbyAPI's working directory where no `--config` is given.

## Why it matters
TabbyAPI only logs a line and starts on its defaults: 127.0.0.1:5000, authentication on, no model.

## How it is told
By looking for the file where TabbyAPI looks. Arguments and `TABBY_…` variables configure TabbyAPI
as well: with them a missing `config.yml` is a remark. Under `--config` it is expected.

## What to do
Put the file there, or correct the path in the unit's command.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.nixos.by_rebuild import by_rebuild
from tabbydoctor.tabbyapi.config import ConfigFile, EffectiveConfig

from . import by_nixos, made_elsewhere


@check(
    "CFG001",
    "config-missing",
    category="config",
    severity=Severity.ERROR,
    caused_by=("SVC007",),
)
def missing(
    config: EffectiveConfig, instance: Instance, machine: Machine | None
) -> Iterator[Finding]:
    for file in config.files:
        if file.problem != "missing":
            continue
        if file.role == "config-file":
            yield _chosen(file, instance, machine)
        elif config.config_argument is None:
            yield _own(file, config, instance)


def _chosen(file: ConfigFile, instance: Instance, machine: Machine | None) -> Finding:
    return Finding(
        f"The --config file {file.path} is not there",
        "TabbyAPI logs one line about it and runs on what else it finds, or on its defaults.",
        (Evidence(file.path, "a file", "nothing"),),
        (_bring(file, instance, machine),),
    )


def _bring(file: ConfigFile, instance: Instance, machine: Machine | None) -> Remedy:
    elsewhere = made_elsewhere(file.path, instance, machine)
    if elsewhere:
        return elsewhere
    commands = [f"ls -l {shlex.quote(posixpath.dirname(file.path))}"]
    if by_nixos(instance, machine):
        return by_rebuild("Put it there, or correct --config", first=tuple(commands))
    if instance.unit:
        unit = instance.unit
        commands.append(f"{unit.systemctl} cat {shlex.quote(unit.name)}")
    return Remedy("Put it there, or correct --config in the unit", Safety.MANUAL, tuple(commands))


def _own(file: ConfigFile, config: EffectiveConfig, instance: Instance) -> Finding:
    sources = {
        setting.origin.where.split(" ")[0]
        for setting in config.settings.values()
        if setting.origin.layer in ("environment", "argument")
    }
    evidence = (Evidence(file.path, "a file", "nothing"),)
    if sources:
        return Finding(
            f"There is no {file.path}; something else configures TabbyAPI",
            f"It is configured by {', '.join(sorted(sources)[:5])}.",
            evidence,
            severity=Severity.INFO,
        )
    directory = instance.main_directory
    sample, path = shlex.quote(f"{directory}/config_sample.yml"), shlex.quote(file.path)
    return Finding(
        f"There is no {file.path}, and nothing else configures TabbyAPI",
        "It runs on its defaults: 127.0.0.1:5000, authentication on, no model.",
        evidence,
        (
            Remedy(
                "Start from TabbyAPI's own sample, then name a model in it",
                Safety.MANUAL,
                (f"sudo cp -n {sample} {path}", f"sudoedit {path}"),
            ),
        ),
        severity=Severity.WARNING,
    )
