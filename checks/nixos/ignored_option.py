"""An option of the NixOS module is set that TabbyAPI makes nothing of.

## What it checks
`cudaMallocBackend` and `extraArgs` of `services.tabbyapi`, where they are not at their defaults.

## Why it matters
TabbyAPI dropped `cuda_malloc_backend` on 2025-08-01. It ignores arguments beside `--config`,
which the module always gives; an argument it does not know ends it with status 2, again and
again.

## How it is told
From the generated `config.yml`, and from what follows `--config` in `ExecStart=`.

## What to do
Take the option out. What an argument was to set has an option, or
`systemd.services.tabbyapi.environment.TABBY_<SECTION>_<KEY>`.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.nixos.module import NixModule
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.installation import Installation

from . import in_configuration

_OUT = "Take the option out, which is to leave it at its default"
_MALLOC = ("developer", "cuda_malloc_backend")


@check("NIX004", "nix-ignored-option", category="nixos", severity=Severity.WARNING)
def ignored_option(
    module: NixModule, config: EffectiveConfig, instance: Instance, installation: Installation
) -> Iterator[Finding]:
    section = module.generated.get(_MALLOC[0])
    known = _MALLOC in installation.keys
    if isinstance(section, dict) and section.get(_MALLOC[1]) is True and not known:
        yield Finding(
            "cudaMallocBackend has no effect",
            "TabbyAPI dropped developer.cuda_malloc_backend on 2025-08-01; since 2026-04-17 "
            "memory.cuda_malloc_async does its job, and is on by itself.",
            (Evidence(module.config, "false", "developer.cuda_malloc_backend: true"),),
            (in_configuration(module, _OUT, "services.tabbyapi.cudaMallocBackend = false;"),),
        )
    flags = _extra(instance)
    if flags:
        ends = f" It ends with status 2: {config.usage_error}." if config.usage_error else ""
        yield Finding(
            f"extraArgs has no effect: {' '.join(flags)}",
            f"TabbyAPI ignores arguments beside --config, which the module gives.{ends}",
            (Evidence(f"systemctl cat {module.unit.name}", "--config alone", " ".join(flags)),),
            (in_configuration(module, _OUT, "services.tabbyapi.extraArgs = [ ];"),),
        )


def _extra(instance: Instance) -> list[str]:
    """What stands beside `--config FILE`; of options the name alone: a value may be a key."""
    words = list(instance.arguments)
    if "--config" in words:
        place = words.index("--config")
        del words[place : place + 2]
    flags = [word.partition("=")[0] for word in words if word.startswith("-")]
    return flags or ["arguments without a name"] * bool(words)
