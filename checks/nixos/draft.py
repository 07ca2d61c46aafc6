"""Draft options of the NixOS module are set, and TabbyAPI drops them.

## What it checks
Options `draft…` of `services.tabbyapi` that are not at their defaults.

## Why it matters
The module writes them into a section `draft`. TabbyAPI's section is `draft_model`: it drops the
other without a word, and answers without speculative decoding.

## How it is told
From the generated `config.yml`. Where the draft model is set in another way that counts, the
options do no harm and nothing is said.

## What to do
Set the keys in the unit's environment, which counts where the generated file has no such key:
`systemd.services.tabbyapi.environment.TABBY_DRAFT_MODEL_DRAFT_MODEL_NAME = "…";` A list
(`draft_gpu_split`) cannot be set so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tabbydoctor.api import Evidence, Finding, Severity, check
from tabbydoctor.nixos.from_config import expressed
from tabbydoctor.nixos.module import NixModule
from tabbydoctor.nixos.nix_text import literal, path
from tabbydoctor.nixos.options import BY_NAME
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.origins import variable_name

from . import in_configuration


@check("NIX003", "nix-draft", category="nixos", severity=Severity.WARNING)
def draft(module: NixModule, config: EffectiveConfig) -> Iterator[Finding]:
    options = expressed(module.generated).options
    lost = {
        key[1]: (name, value)
        for name, value in options.items()
        if (key := BY_NAME[name].key) and key[0] == "draft"
        if config.value("draft_model", key[1]) != value
    }
    if not lost:
        return
    names = ", ".join(name for name, _ in lost.values())
    lines = [_line(key, value) for key, (_, value) in lost.items() if not isinstance(value, list)]
    lists = [name for name, value in lost.values() if isinstance(value, list)]
    title = "Set them in the environment"
    if lists:
        title += f" (no variable holds the list of {', '.join(lists)})"
    yield Finding(
        f"TabbyAPI ignores {names}",
        "The module writes the section draft, which TabbyAPI does not know: its own is "
        "draft_model.",
        tuple(
            Evidence(module.config, f"draft_model.{key}", f"draft.{key}: {literal(value)}")
            for key, (_, value) in lost.items()
        ),
        (in_configuration(module, title, *lines),),
    )


def _line(key: str, value: Any) -> str:
    variable = variable_name(("draft_model", key))
    text = literal(str(value).replace("%", "%%"))
    return f"{path('systemd', 'services', 'tabbyapi', 'environment', variable)} = {text};"
