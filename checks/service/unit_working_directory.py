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
Set `WorkingDirectory=` to the directory that holds them; or, where that is right, correct the
main.py that `ExecStart=` names.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, Unknown, check
from tabbydoctor.deployment.drop_ins import DropIn
from tabbydoctor.deployment.nixos import managed
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.deployment.program import MAIN, ServerProgram
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.nixos.by_rebuild import by_rebuild
from tabbydoctor.nixos.service import forced_line
from tabbydoctor.tabbyapi.config import EffectiveConfig

from ..drop_in import by_drop_in
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
        yield from _without_main(unit, program, machine)
    elif main and _lie_elsewhere(instance, program) and not _needs_no_file(config):
        lie = f"{' and '.join(program.files_beside_main)} lie in {posixpath.dirname(main)}"
        meant = posixpath.dirname(main)
        yield _finding(unit, nixos, lie, source, directory, meant, machine)


def _without_main(unit: Unit, program: ServerProgram, machine: Machine | None) -> Iterator[Finding]:
    """The program that ExecStart= names is not there: it, or the directory, is wrong."""
    main, directory, place = program.main or "", program.working_directory, program.place
    if place != directory:
        nixos, meant = managed(machine, unit), place or "TabbyAPI's directory"
        actual = f"{directory}, without main.py"
        source = shown(unit, "WorkingDirectory")
        yield _finding(unit, nixos, f"{main} is not there", source, actual, meant, machine)
        return
    right = posixpath.join(directory, MAIN)
    yield Finding(
        f"{unit.name} starts {main}, which is not there: {right} is",
        "Its working directory is right, and ExecStart= names another main.py.",
        (Evidence(shown(unit, "ExecStart"), right, main),),
        (_corrected(unit, right, machine),),
    )


def _corrected(unit: Unit, right: str, machine: Machine | None) -> Remedy:
    words = [right if posixpath.basename(word) == MAIN else word for word in unit.command]
    settings = (("ExecStart", ""), ("ExecStart", shlex.join(words)))
    here = machine or Machine(systemd=True)
    return by_drop_in(f"Start {right}", DropIn(unit, "program", settings), here)


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
    machine: Machine | None = None,
) -> Finding:
    return Finding(
        f"{unit.name} starts in the wrong directory: {what}",
        "TabbyAPI looks for its program, config.yml and api_tokens.yml in its working directory.",
        (Evidence(source, meant, actual),),
        (_set(unit, nixos, meant, machine),),
    )


def _set(unit: Unit, nixos: bool, meant: str, machine: Machine | None) -> Remedy:
    title = f"Set WorkingDirectory= to {meant}"
    if nixos:
        known = [("WorkingDirectory", meant)] if meant.startswith("/") else []
        return by_rebuild(title, *(forced_line(unit, *one) for one in known))
    if not meant.startswith("/"):
        return Remedy(title, Safety.MANUAL, (command(unit, "edit"), *unit.restart))
    setting = DropIn(unit, "directory", (("WorkingDirectory", meant),))
    return by_drop_in(title, setting, machine or Machine(systemd=True))
