"""TabbyAPI is started in the wrong directory.

## What it checks
`WorkingDirectory=` exists, the main.py of `ExecStart=` is there, and config.yml and
api_tokens.yml lie in the working directory rather than beside a main.py elsewhere.

## Why it matters
TabbyAPI reads its configuration and its tokens from its working directory. In another one it
runs on defaults with keys nobody knows, or does not start at all.

## How it is told
By the unit, and by looking for the files in both directories. TabbyAPI makes an api_tokens.yml
wherever it is started: one in the working directory does not say that it was meant.

## What to do
Set `WorkingDirectory=` to the directory that holds them.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.nixos import managed
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.program import Program
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.nixos.lasting import lasting
from tabbydoctor.nixos.service import forced_line

from . import command, shown, unit_of

_CONFIG, _TOKENS = "config.yml", "api_tokens.yml"


@check("SVC007", "unit-working-directory", category="service", severity=Severity.ERROR)
def unit_working_directory(instance: Instance, program: Program) -> Iterator[Finding]:
    unit = unit_of(instance)
    directory, main = program.working_directory, program.main
    source = shown(unit, "WorkingDirectory")
    if not program.directory_exists:
        yield _finding(unit, f"{directory} is not there", source, "no such directory")
    elif main and not program.main_exists:
        yield _finding(unit, f"{main} is not there", source, f"{directory}, without main.py")
    elif main and _meant_elsewhere(instance, program):
        lie = f"{' and '.join(program.files_beside_main)} lie in {posixpath.dirname(main)}"
        yield _finding(unit, lie, source, directory, posixpath.dirname(main))


def _meant_elsewhere(instance: Instance, program: Program) -> bool:
    """Whether the user's files lie beside main.py, and none of them in the working directory."""
    here, beside = program.files_here, program.files_beside_main
    named = any(word.partition("=")[0] == "--config" for word in instance.arguments)
    if _CONFIG in beside and not named:
        return _CONFIG not in here
    return _TOKENS in beside and not here


def _finding(
    unit: Unit, what: str, source: str, actual: str, meant: str = "TabbyAPI's directory"
) -> Finding:
    return Finding(
        f"{unit.name} starts in the wrong directory: {what}",
        "TabbyAPI looks for its program, config.yml and api_tokens.yml in its working directory.",
        (Evidence(source, meant, actual),),
        (_set(unit, meant),),
    )


def _set(unit: Unit, meant: str) -> Remedy:
    title = f"Set WorkingDirectory= to {meant}"
    if managed(None, unit):
        known = [("WorkingDirectory", meant)] if meant.startswith("/") else []
        return lasting(title, *(forced_line(unit, *one) for one in known))
    return Remedy(title, Safety.MANUAL, (command(unit, "edit"), command(unit, "restart")))
