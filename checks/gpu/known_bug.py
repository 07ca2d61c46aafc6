"""An installed package has a known bug that this configuration meets, and a newer one has not.

## What it checks
exllamav3 and infinity-emb in TabbyAPI's environment against a table of bugs, each with the thread
or commit that tells of it, the releases that have it and the one that mends it.

## Why it matters
What looks like a broken machine, a bad model or a client's fault is often mended by an update.

## How it is told
By the names of the distributions in the environment; nothing is imported. A bug that shows with a
setting or an architecture alone is only named where the configuration has it. The table is as old
as it says, and knows no later bugs; of a version that is not known nothing is said.

## What to do
Update TabbyAPI and its packages.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Severity, check
from tabbydoctor.deployment.nixos import in_store
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.gpu.known_bugs import LOOKED_UP, KnownBug, bugs_of
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.gpu.torch import PythonEnvironment
from tabbydoctor.nixos.by_rebuild import where_made
from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.model_weights import ModelWeights

from ..python_packages import extra_for, git_pull, own_extra, pip_install


@dataclass(frozen=True, slots=True)
class _Met:
    """What of the model and the machine a bug may show with."""

    architectures: frozenset[str]
    rope: frozenset[str]
    """The keys of `rope_scaling` or `rope_parameters` in its config.json."""
    gpus: int


@check(
    "GPU020",
    "known-bug",
    category="gpu",
    severity=Severity.WARNING,
    caused_by=("GPU009",),
)
def known_bug(
    need: GpuNeed,
    environment: PythonEnvironment,
    instance: Instance,
    config: EffectiveConfig | None,
    models: ModelWeights | None,
    driver: Driver | None,
) -> Iterator[Finding]:
    met = _met(models, driver)
    for bug, version in bugs_of(environment.packages):
        if not environment.isolated or not _meets(bug, config, met):
            continue
        yield Finding(
            f"{bug.package} {version.partition('+')[0]} has a known bug, mended by {bug.mended}",
            f"{bug.symptom} ({bug.source}; looked up {LOOKED_UP}).",
            (
                Evidence(environment.directories[0], bug.mended, f"{bug.package} {version}"),
                *_setting(bug, config),
            ),
            (_update(bug, environment, instance),),
            severity=None if bug.hurts else Severity.INFO,
        )


def _meets(bug: KnownBug, config: EffectiveConfig | None, met: _Met) -> bool:
    """Whether the configuration, the model and the machine have what the bug shows with."""
    if bug.when and (config is None or not any(config.value(*key) for key in _keys(bug, config))):
        return False
    if bug.gpus > met.gpus or (bug.rope and bug.rope not in met.rope):
        return False
    return not bug.architectures or bool(bug.architectures & met.architectures)


def _met(models: ModelWeights | None, driver: Driver | None) -> _Met:
    about = next(
        (one.about for one in (models.directories if models else ()) if one.file.part == "model"),
        {},
    )
    named = about.get("architectures")
    texts = [about, about.get("text_config")]
    rope = [
        found
        for text in texts
        if isinstance(text, dict)
        for key in ("rope_scaling", "rope_parameters")
        if isinstance(found := text.get(key), dict)
    ]
    return _Met(
        frozenset(one for one in named if isinstance(one, str))
        if isinstance(named, list)
        else frozenset(),
        frozenset(key for one in rope for key, value in one.items() if value),
        len(driver.nvml.gpus) if driver else 0,
    )


def _keys(bug: KnownBug, config: EffectiveConfig) -> list[tuple[str, str]]:
    """The settings by one of which it shows."""
    if bug.when == "tensor_parallel":
        return [("model", "tensor_parallel")]
    if bug.when == "embeddings":
        return [("embeddings", "embedding_model_name")]
    mode = config.value("draft_model", "draft_mode") or "model"
    return {
        "model": [("draft_model", "draft_model_name")],
        "disabled": [],
    }.get(str(mode), [("draft_model", "draft_mode")])


def _setting(bug: KnownBug, config: EffectiveConfig | None) -> Iterator[Evidence]:
    for key in _keys(bug, config) if bug.when and config else ():
        setting = config.setting(*key) if config else None
        if setting:
            yield Evidence(setting.origin.where, None, f"{setting.name}: {setting.value}")


def _update(bug: KnownBug, environment: PythonEnvironment, instance: Instance) -> Remedy:
    place = environment.directories[0]
    if in_store(place):
        return where_made(f"Update {bug.package}", place, nixos=False)
    if bug.beside:
        bound = pip_install(instance, own_extra(instance, "extras"), bug.mended.replace(" ", ""))
        return Remedy(f"Keep {bug.mended}", commands=(bound, *instance.restart))
    cuda = environment.torch.cuda if environment.torch else None
    extra = own_extra(instance, extra_for(cuda))
    return Remedy(
        "Update TabbyAPI and its packages",
        commands=(git_pull(instance), pip_install(instance, extra), *instance.restart),
    )
