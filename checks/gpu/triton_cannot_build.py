"""Triton has no C compiler or no Python.h to build its helper with.

## What it checks
That a compiler (`CC`, else gcc or clang) is in the PATH that TabbyAPI runs with, and the headers of
the Python that its environment was made from.

## Why it matters
Triton builds a small library when it is first used. Without, exllamav3 falls back for linear and
windowed attention, which is slow, or a request ends in `Failed to find C compiler`.

## How it is told
By files alone. What Triton has built before stays in its cache and needs neither, so this is a
remark; what TabbyAPI's log says of it is SVC011.

## What to do
Install what lacks, or add the compiler's directory to the unit's PATH.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Severity, check
from tabbydoctor.deployment.nixos import managed
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.gpu.triton_build import TritonBuild
from tabbydoctor.nixos.by_rebuild import by_rebuild
from tabbydoctor.nixos.nix_text import path


@check("GPU021", "triton-cannot-build", category="gpu", severity=Severity.INFO)
def triton_cannot_build(
    need: GpuNeed, build: TritonBuild, instance: Instance, machine: Machine | None
) -> Iterator[Finding]:
    if not build.compiler:
        yield Finding(
            f"Triton {build.version} finds no C compiler in TabbyAPI's PATH",
            "What is not in its cache yet cannot be built: `Failed to find C compiler`.",
            (Evidence(f"PATH of {instance.name}", "gcc or clang", build.search_path),),
            (_add("Install a C compiler", "gcc", instance, machine),),
        )
    if not build.headers:
        lacking = build.header_places[0]
        found = re.search(r"python3\.\d+", lacking)
        package = f"{found[0] if found else 'python3'}-dev"
        yield Finding(
            f"Triton {build.version} finds no Python.h of TabbyAPI's Python",
            "It cannot build its helper: models of linear or windowed attention are slow.",
            (Evidence(posixpath.dirname(lacking), "Python.h", "not there"),),
            (_add("Install the headers of its Python's version", package, instance, machine),),
        )


def _add(title: str, package: str, instance: Instance, machine: Machine | None) -> Remedy:
    if instance.unit and managed(machine, instance.unit):
        name = instance.unit.name.removesuffix(".service")
        return by_rebuild(title, f"{path('systemd', 'services', name, 'path')} = [ pkgs.gcc ];")
    return Remedy(title, commands=(f"sudo apt-get install {package}", *instance.restart))
