"""A `config.yml` in the module's dataDir is merged underneath the generated one.

## What it checks
Whether `<dataDir>/config.yml` is there and sets what the generated
`<dataDir>/config/config.yml` does not.

## Why it matters
TabbyAPI merges the two. The stray file was perhaps written by hand, or by TabbyAPI itself; no
line of `configuration.nix` tells of it, and what it sets survives every rebuild.

## How it is told
By computing the layers as TabbyAPI does.

## What to do
Say what is wanted in `configuration.nix` (`tabbydoctor nix to-options` prints the lines), then
set the file aside.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.invocation import invocation
from tabbydoctor.nixos.by_rebuild import by_rebuild
from tabbydoctor.nixos.key_lines import key_lines
from tabbydoctor.nixos.module import NixModule, taken_back
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.opening import opens


@check("NIX005", "nix-stray-config", category="nixos", severity=Severity.WARNING)
def stray_config(
    module: NixModule, config: EffectiveConfig, instance: Instance
) -> Iterator[Finding]:
    stray = [one for one in config.settings.values() if one.origin.layer == "working-directory"]
    if not stray:
        return
    path = stray[0].origin.path or f"{module.data_dir}/config.yml"
    quoted = shlex.quote(path)
    kept = [one for one in stray if not opens((one.section, one.key), one.value, config)]
    wanted = {(one.section, one.key): one.value for one in kept}
    lines = key_lines(instance, wanted, "working-directory")
    read = invocation(f"nix to-options {quoted}", root=True)
    yield Finding(
        f"{path} is merged underneath what NixOS writes",
        f"It sets {', '.join(one.name for one in stray[:6])}, and configuration.nix does not "
        "know of it.",
        tuple(Evidence(one.origin.where, "nothing", one.name) for one in stray),
        (
            by_rebuild(
                "Say what is wanted of it, then set the file aside",
                *lines,
                first=(*taken_back(module.temporary, lines), read),
                then=(f"sudo mv -n {quoted} {shlex.quote(path + '.unused')}",),
            ),
        ),
    )
