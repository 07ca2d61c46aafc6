"""Something the configuration names is not there, or of a kind TabbyAPI does not load.

## What it checks
The model, the draft model, LoRAs, the embedding model, the prompt template and the sampler preset
that the configuration names: whether they are where TabbyAPI looks, and whether the installed
version loads their format.

## Why it matters
With a missing or refused model TabbyAPI exits with status 1 (`Failed to load config.json from`,
`no longer supported`). A missing LoRA, template or preset is left out with a line in the log.

## How it is told
By the directories below TabbyAPI's working directory, and by `quantization_config.quant_method`
in a model's `config.json`. Since 2026-07-14 TabbyAPI has no ExLlamaV2: exl2 and gptq are refused.
GGUF was never loaded.

## What to do
Correct the name, or put the model there in exl3. Where the model brings a template of
its own (`chat_template.jinja`, say), take out the key that names one which is not there.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, Unknown, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.nixos.key_lines import WantedKeys
from tabbydoctor.tabbyapi.config import EffectiveConfig, Setting
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.model_files import ModelFiles, NamedFile

from . import edit

_FATAL = ("model", "draft model", "embedding model")
_EXLLAMAV2_ONLY = ("exl2", "gptq")


@check("CFG010", "model-missing", category="config", severity=Severity.ERROR)
def model_missing(
    models: ModelFiles,
    installation: Installation,
    config: EffectiveConfig,
    instance: Instance,
    machine: Machine | None = None,
) -> Iterator[Finding]:
    unseen: list[NamedFile] = []
    found = False
    for file in models.files:
        finding = _absent(file, instance, machine)
        finding = finding or _refused_format(file, installation, instance, machine)
        if finding:
            found = True
            yield finding
        elif file.problem == "unreadable":
            unseen.append(file)
    backend = _refused_backend(config, installation, instance, machine)
    if backend:
        found = True
        yield backend
    if unseen and not found:
        raise Unknown(f"cannot look into {unseen[0].path}: run as root")


def _absent(file: NamedFile, instance: Instance, machine: Machine | None) -> Finding | None:
    what = f"{file.part} {file.name}"
    reasons = {
        "missing": (f"The {what} is not there", "nothing"),
        "no-config": (f"The {what} has no config.json", "no config.json"),
        "not-a-directory": (f"The {what} is no directory", "a file"),
        "gguf": (f"The {what} is GGUF, which TabbyAPI does not load", "GGUF"),
    }
    if file.problem not in reasons:
        return None
    title, actual = reasons[file.problem]
    near = () if file.brought else get_close_matches(file.name, file.neighbours, 1, 0.6)
    advice = f"Correct {file.setting.name}" + (f": {near[0]} is there" if near else "")
    if file.brought:
        advice = f"Take {file.setting.name} out"
    directory = shlex.quote(file.path.rpartition("/")[0])
    look = Remedy("See what is there", Safety.MANUAL, (f"ls {directory}",))
    fatal = file.part in _FATAL
    return Finding(
        title,
        "TabbyAPI exits with status 1 when it loads it."
        if fatal
        else _instead(file),
        (Evidence(file.path, "a model" if fatal else "a file", actual),
         Evidence(file.setting.origin.where, None, f"{file.setting.name}: {file.name}")),
        (*(() if file.brought else (look,)),
         edit(advice, file.setting.origin, instance, _to(file.setting, near), machine)),
        severity=None if fatal else Severity.WARNING,
    )  # fmt: skip


def _instead(file: NamedFile) -> str:
    if file.brought:
        return f"TabbyAPI uses {file.brought}, which the model brings: the key is not needed."
    return "TabbyAPI goes on without it and says so in its log."


def _to(setting: Setting, near: Sequence[str] = ()) -> WantedKeys:
    """The key with a name that is there; without one it is taken out."""
    if isinstance(setting.value, list):
        return {}
    return {(setting.section, setting.key): near[0] if near else None}


def _refused_format(
    file: NamedFile, installation: Installation, instance: Instance, machine: Machine | None
) -> Finding | None:
    method = file.quantization.lower()
    old = method in _EXLLAMAV2_ONLY and installation.loads_exl2 is False
    new = method == "exl3" and installation.loads_exl3 is False
    if file.part not in ("model", "draft model") or not (old or new):
        return None
    loads = "exl3 or unquantized models" if old else "no exl3 models"
    return Finding(
        f"The {file.part} {file.name} is {method}, which this TabbyAPI does not load",
        f"The installed version loads {loads}: it exits with status 1 when it loads this one.",
        (Evidence(f"{file.path}/config.json", loads, f"quant_method {method}"),
         Evidence(f"{installation.directory}/backends", None, "no exllamav2" if old else
                  "no exllamav3")),
        (edit(f"Name another model in {file.setting.name}", file.setting.origin, instance,
              machine=machine),),
    )  # fmt: skip


def _refused_backend(
    config: EffectiveConfig,
    installation: Installation,
    instance: Instance,
    machine: Machine | None,
) -> Finding | None:
    setting = config.setting("model", "backend")
    if setting is None or not setting.value or not config.value("model", "model_name"):
        return None
    loads = {"exllamav2": installation.loads_exl2, "exllamav3": installation.loads_exl3}
    if loads.get(str(setting.value), False) is not False:
        return None
    return Finding(
        f"TabbyAPI has no backend {setting.value}",
        "It starts, then exits with status 1 when it loads the model. Without the key it chooses "
        "by itself.",
        (Evidence(setting.origin.where, "exllamav3", str(setting.value)),),
        (edit("Take model.backend out", setting.origin, instance, _to(setting), machine),),
    )
