"""A clone of TabbyAPI in the module's dataDir runs in place of the package.

## What it checks
Whether `main.py`, or modules in `common`, `backends` or `endpoints`, stand in the unit's working
directory, which is the module's `dataDir`.

## Why it matters
The package starts `python -m main`, and Python looks into the working directory first. What
stands there runs in place of the packaged TabbyAPI, on the package's libraries: another version,
which no `nixos-rebuild switch` changes.

## How it is told
By looking for these files.

## What to do
Set them aside, and restart TabbyAPI. `config.yml` and `api_tokens.yml` are not touched by that.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.nixos.module import NixModule


@check("NIX007", "nix-shadowed-package", category="nixos", severity=Severity.WARNING)
def shadowed(module: NixModule, instance: Instance) -> Iterator[Finding]:
    if not module.shadows:
        return
    aside = f"{module.data_dir}/unused"
    files = " ".join(shlex.quote(path) for path in module.shadows)
    yield Finding(
        f"{module.shadows[0]} runs in place of the packaged TabbyAPI",
        f"Python looks into {module.data_dir}, the working directory, before the package in the "
        "Nix store.",
        tuple(Evidence(path, "nothing", "found first by Python") for path in module.shadows),
        (
            Remedy(
                "Set it aside, then restart TabbyAPI",
                commands=(
                    f"sudo mkdir -p {shlex.quote(aside)}",
                    f"sudo mv -n -t {shlex.quote(aside)} {files}",
                    *instance.restart,
                ),
            ),
        ),
    )
