"""The configuration asks for an optional package that TabbyAPI's environment lacks.

## What it checks
`embeddings.embedding_model_name` needs infinity-emb and sentence-transformers, which are TabbyAPI's
extra `extras`.

## Why it matters
TabbyAPI starts without it, with one line in its log (`Skipping embeddings because infinity-emb is
not installed`): /v1/embeddings answers 503, and all else is fine.

## How it is told
By the distributions in the environment that TabbyAPI runs in, read from its files. Nothing is said
of an environment that others add to (`PYTHONPATH`, Nix).

## What to do
Install the extra in TabbyAPI's environment, or take the key out.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from tabbydoctor.api import Evidence, Finding, Remedy, Severity, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.gpu.torch import PythonEnvironment
from tabbydoctor.tabbyapi.config import EffectiveConfig

from . import edit

_NEEDS: Mapping[tuple[str, str], tuple[str, tuple[str, ...]]] = {
    ("embeddings", "embedding_model_name"): ("extras", ("infinity-emb", "sentence-transformers")),
}
"""Section and key -> the extra of TabbyAPI's pyproject.toml, and what is needed of it."""


@check("CFG016", "config-needs-package", category="config", severity=Severity.WARNING)
def needs_package(
    config: EffectiveConfig,
    environment: PythonEnvironment,
    instance: Instance,
    machine: Machine | None,
) -> Iterator[Finding]:
    for path, (extra, packages) in _NEEDS.items():
        setting = config.setting(*path)
        missing = [one for one in packages if one not in environment.packages]
        if setting is None or not setting.value or not missing or not environment.isolated:
            continue
        names = " and ".join(missing)
        yield Finding(
            f"{setting.name} needs {names}, which TabbyAPI's environment lacks",
            "TabbyAPI goes on without embeddings: /v1/embeddings answers 503.",
            (
                Evidence(setting.origin.where, None, f"{setting.name}: {setting.value}"),
                Evidence(environment.directories[0], names, "not there"),
            ),
            (
                _install(extra, environment, instance),
                edit(
                    f"Or take {setting.name} out",
                    setting.origin,
                    instance,
                    {path: None},
                    machine,
                ),
            ),
        )


def _install(extra: str, environment: PythonEnvironment, instance: Instance) -> Remedy:
    # As its own account: what root installs there, TabbyAPI may not be able to replace.
    user = instance.user
    account = f" -u {shlex.quote(user.name)}" if user and user.uid else ""
    python = shlex.quote(environment.python)
    package = shlex.quote(f"{instance.main_directory}[{extra}]")
    return Remedy(
        f"Install TabbyAPI's {extra} in its environment",
        commands=(f"sudo -H{account} {python} -m pip install {package}", *instance.restart),
    )
