"""TabbyAPI is started in the wrong directory.

## What it checks
`WorkingDirectory=` exists, the main.py of `ExecStart=` is there, and config.yml and
api_tokens.yml lie in the working directory rather than beside a main.py elsewhere.

## Why it matters
TabbyAPI reads its configuration and its tokens from its working directory. In another one it
runs on defaults with keys nobody knows, or does not start at all.

## How it is told
By the unit, and by looking for the files in both directories. TabbyAPI makes an api_tokens.yml
wherever it is started: one in the working directory does not say that it was meant. Where the
environment or arguments say what to serve, or where, a config.yml beside main.py is a leftover.

## What to do
Set `WorkingDirectory=` to the directory that holds them.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, Unknown, check
from tabbydoctor.deployment.nixos import managed
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.deployment.program import ServerProgram
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.nixos.by_rebuild import by_rebuild
from tabbydoctor.nixos.service import forced_line
from tabbydoctor.tabbyapi.config import EffectiveConfig

from . import command, shown, unit_of

_HOW_IT_IS_RUN = ("developer", "logging")
"""Sections that are set beside a config.yml as well: they do not say what to serve, or where."""
_CONFIG, _TOKENS = "config.yml", "api_tokens.yml"


@check("SVC007", "unit-working-directory", category="service", severity=Severity.ERROR)
def unit_working_directory(
    instance: Instance,
    program: ServerProgram,
    config: EffectiveConfig | None,
    machine: Machine | None = None,
) -> Iterator[Finding]:
    unit = unit_of(instance)
    nixos = managed(machine, unit)
    directory, main = program.working_directory, program.main
    source = shown(unit, "WorkingDirectory")
    if not program.directory_exists:
        yield _finding(unit, nixos, f"{directory} is not there", source, "no such directory")
    elif main and not program.main_exists:
        yield _finding(unit, nixos, f"{main} is not there", source, f"{directory}, without main.py")
    elif main and _lie_elsewhere(instance, program) and not _needs_no_file(config):
        lie = f"{' and '.join(program.files_beside_main)} lie in {posixpath.dirname(main)}"
        yield _finding(unit, nixos, lie, source, directory, posixpath.dirname(main))


def _lie_elsewhere(instance: Instance, program: ServerProgram) -> bool:
    """Whether the user's files lie beside main.py, and none of them in the working directory."""
    here, beside = program.files_here, program.files_beside_main
    named = any(word.partition("=")[0] == "--config" for word in instance.arguments)
    if _CONFIG in beside and not named:
        return _CONFIG not in here
    return _TOKENS in beside and not here


def _needs_no_file(config: EffectiveConfig | None) -> bool:
    """Whether the environment or arguments configure it. Raises Unknown where that is not known."""
    if config is None:
        raise Unknown("how TabbyAPI is configured: whether by its files alone")
    return any(
        setting.origin.layer in ("environment", "argument")
        and setting.section not in _HOW_IT_IS_RUN
        for setting in config.settings.values()
    )


def _finding(
    unit: Unit,
    nixos: bool,
    what: str,
    source: str,
    actual: str,
    meant: str = "TabbyAPI's directory",
) -> Finding:
    return Finding(
        f"{unit.name} starts in the wrong directory: {what}",
        "TabbyAPI looks for its program, config.yml and api_tokens.yml in its working directory.",
        (Evidence(source, meant, actual),),
        (_set(unit, nixos, meant),),
    )


def _set(unit: Unit, nixos: bool, meant: str) -> Remedy:
    title = f"Set WorkingDirectory= to {meant}"
    if nixos:
        known = [("WorkingDirectory", meant)] if meant.startswith("/") else []
        return by_rebuild(title, *(forced_line(unit, *one) for one in known))
    return Remedy(title, Safety.MANUAL, (command(unit, "edit"), command(unit, "restart")))
