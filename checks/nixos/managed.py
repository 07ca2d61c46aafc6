"""NixOS writes this deployment: what is to last is changed in configuration.nix.

## What it checks
Whether the NixOS module runs TabbyAPI: the unit and its program are in the Nix store, and each
start copies a generated `config.yml` over the one in `<dataDir>/config`.

## Why it matters
An edit of that file is gone after the next start, one of the unit after the next
`nixos-rebuild switch`. The keys are in `<dataDir>/api_tokens.yml`, which NixOS leaves alone.
A repair by `fix --temporary` is gone when the machine starts anew.

## How it is told
From the unit. The lines are the generated configuration as options of the module, as far as
they differ from its defaults.

## What to do
Change the options in `configuration.nix` (or the flake), then `sudo nixos-rebuild switch`.
`tabbydoctor nix to-options` prints them for any config.yml.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.nixos import temporary_drop_ins
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.invocation import invocation
from tabbydoctor.nixos.from_config import expressed
from tabbydoctor.nixos.module import NixModule
from tabbydoctor.nixos.nix_text import literal, path

from . import in_configuration


def _take_back() -> Remedy:
    return Remedy("Take it back", Safety.UNSAFE, (invocation("undo", root=True),))


@check("NIX001", "nix-managed", category="nixos", severity=Severity.INFO)
def managed(module: NixModule, router: RouterSite | None = None) -> Iterator[Finding]:
    options = expressed(module.generated).options
    lines = [
        f"{path('services', 'tabbyapi', name)} = {literal(value)};"
        for name, value in {"enable": True, **options}.items()
    ]
    yield Finding(
        f"NixOS writes {module.unit.name} and {module.config}",
        "A change of either lasts until the next start or the next nixos-rebuild switch. "
        f"The keys, in {module.data_dir}/api_tokens.yml, are left alone.",
        (Evidence(module.config),),
        (in_configuration(module, "The lasting change is there; as it is now", *lines),),
    )
    if module.temporary:
        yield _temporary(module, module.temporary)
    else:
        yield from _drop_ins(module.unit)
    if router and router.unit:
        yield from _drop_ins(router.unit)


def _temporary(module: NixModule, copy: str) -> Finding:
    return Finding(
        f"A temporary repair is in force: {module.unit.name} runs on {copy}",
        "Until the machine starts anew, changes of configuration.nix do not count for it.",
        (Evidence(f"systemctl cat {module.unit.name}", f"--config {module.config}", copy),),
        (_take_back(),),
    )


def _drop_ins(unit: Unit) -> Iterator[Finding]:
    for place in temporary_drop_ins(unit):
        yield Finding(
            f"A temporary repair is in force: {unit.name} has {place}",
            "It is gone when the machine starts anew; what is to last is said in "
            "configuration.nix.",
            (Evidence(place),),
            (_take_back(),),
        )
