"""Something the configuration names is not there, incomplete, or of a kind TabbyAPI does not load.

## What it checks
The model, the draft model, LoRAs, the embedding model, the prompt template and the sampler preset
that the configuration names: whether they are where TabbyAPI looks, whole, open to its account,
and of a format and an architecture that the installed version loads.

## Why it matters
With a missing, damaged or refused model TabbyAPI exits with status 1 (`Failed to load config.json
from`, `Invalid safetensors header`, `Unknown architecture`). A missing LoRA, template or preset is
left out with a line in the log.

## How it is told
By the directories below TabbyAPI's working directory: each safetensors file's size against its
head, the parts that an index or their numbering tells of, git-lfs pointers, what downloaders left
behind. No tensor is read. The architectures are those that the sources of the exllamav3 in
TabbyAPI's environment declare; nothing is imported. Since 2026-07-14 TabbyAPI has no ExLlamaV2:
exl2 and gptq are refused. GGUF was never loaded. Of a model that the running server has loaded
only what is broken in itself counts.

## What to do
Correct the name, download what lacks, or put the model there in exl3. For an architecture that is
newer than the installed exllamav3, update both. Where the model brings a template of its own
(`chat_template.jinja`, say), take out the key that names one which is not there.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, Unknown, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.gpu.architectures import Architectures
from tabbydoctor.gpu.service_groups import ServiceGroups
from tabbydoctor.gpu.torch import PythonEnvironment
from tabbydoctor.nixos.key_lines import WantedKeys
from tabbydoctor.tabbyapi.answers import model_name
from tabbydoctor.tabbyapi.config import EffectiveConfig, Setting
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.tabbyapi.log_lines import loaded_model
from tabbydoctor.tabbyapi.model_files import ModelFiles, NamedFile
from tabbydoctor.tabbyapi.model_weights import ModelDirectory, ModelWeights
from tabbydoctor.tabbyapi.probes import CREDENTIALS, Endpoint

from ..python_packages import extra_for
from . import edit
from .model_loading import architecture, further_files, lora, packed, without_template
from .model_weights import about, damaged, denied, other_format, shards, without_weights
from .model_words import Judging

_FATAL = ("model", "draft model", "embedding model")
_EXLLAMAV2_ONLY = ("exl2", "gptq")
_EMBEDDING = frozenset({"infinity-emb", "sentence-transformers"})


@check("CFG010", "model-missing", category="config", severity=Severity.ERROR)
def model_missing(
    models: ModelFiles,
    installation: Installation,
    config: EffectiveConfig,
    instance: Instance,
    machine: Machine | None = None,
    weights: ModelWeights | None = None,
    account: ServiceGroups | None = None,
    architectures: Architectures | None = None,
    environment: PythonEnvironment | None = None,
    endpoint: Endpoint | None = None,
    log: RunLog | None = None,
) -> Iterator[Finding]:
    inside = {(one.file.part, one.file.path): one for one in weights.directories} if weights else {}
    only_exl3 = installation.loads_exl3 is True and installation.loads_exl2 is False
    cuda = environment.torch.cuda if environment and environment.torch else None
    by = Judging(instance, machine, account, architectures, only_exl3, extra_for(cuda))
    unseen: list[str] = []
    found, remark = False, None
    for file in models.files:
        finding = _absent(file, instance, machine)
        finding = finding or _refused_format(file, installation, instance, machine)
        one = inside.get((file.part, file.path))
        if one and not finding and not _never_loaded(file, environment):
            loads = _loads(file, endpoint, log)
            finding = _broken(one, by, loads=loads)
            if not finding:
                remark = remark or without_template(one, config)
                unseen += _unjudged(one, by, environment, loads=loads)
        if finding:
            found = True
            yield finding
        elif file.problem == "unreadable" and one is None:
            unseen.append(f"cannot look into {file.path}: run as root")
    backend = _refused_backend(config, installation, instance, machine)
    if backend:
        found = True
        yield backend
    if unseen and not found:
        raise Unknown(unseen[0])
    if remark and not found:
        yield remark


def _never_loaded(file: NamedFile, environment: PythonEnvironment | None) -> bool:
    """An embedding model without its packages, which is CFG016."""
    packages = environment.packages if environment else {}
    return file.part == "embedding model" and not packages.keys() >= _EMBEDDING


def _loads(file: NamedFile, endpoint: Endpoint | None, log: RunLog | None) -> bool:
    """Whether a server is known to have loaded it: that proves more than any reading."""
    own = {file.name, posixpath.basename(file.path)}
    answers = [endpoint.answer("/v1/model", one) for one in CREDENTIALS] if endpoint else []
    return file.part == "model" and (
        any(model_name(answer) in own for answer in answers if answer)
        or posixpath.basename(loaded_model(log, file.path)) in own
    )


def _broken(one: ModelDirectory, by: Judging, *, loads: bool) -> Finding | None:
    """What ends the load first, in the order in which TabbyAPI comes to it."""
    kinds = [lora, damaged, shards] if one.file.part == "LoRA" else [damaged, shards]
    if not loads and one.file.part == "embedding model":
        kinds = [denied, about, damaged, shards, without_weights]
    elif not loads and one.file.part != "LoRA":
        kinds = [denied, about, other_format, architecture, damaged, shards, without_weights]
        kinds += [packed, further_files]
    return next((finding for kind in kinds if (finding := kind(one, by))), None)


def _unjudged(
    one: ModelDirectory, by: Judging, environment: PythonEnvironment | None, *, loads: bool
) -> list[str]:
    """What could not be told of it, in words."""
    if one.unjudged:
        return [one.unjudged]
    asks = by.exllamav3 and not loads and one.file.part in ("model", "draft model")
    if asks and by.known is None and environment and "exllamav3" in environment.packages:
        return ["its architecture: the sources of the installed exllamav3 cannot be seen"]
    return []


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
    near = _near(file)
    advice = f"Correct {file.setting.name}" + (f": {near[0]} is there" if near else "")
    if file.brought:
        advice = f"Take {file.setting.name} out"
    directory = shlex.quote(file.path.rpartition("/")[0])
    look = Remedy("See what is there", Safety.MANUAL, (f"ls {directory}",))
    mend = edit(advice, file.setting.origin, instance, _to(file.setting, near), machine)
    fatal = file.part in _FATAL
    return Finding(
        title,
        "TabbyAPI exits with status 1 when it loads it." if fatal else _instead(file),
        (
            Evidence(file.path, "a model" if fatal else "a file", actual),
            Evidence(file.setting.origin.where, None, f"{file.setting.name}: {file.name}"),
        ),
        (mend,) if file.brought else (mend, look) if near else (look, mend),
        severity=None if fatal else Severity.WARNING,
    )


def _near(file: NamedFile) -> Sequence[str]:
    """What was probably meant."""
    if file.brought:
        return ()
    if file.problem != "missing":
        return file.neighbours[:1]
    return get_close_matches(file.name, file.neighbours, 1, 0.6)


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
