"""What exllamav3 does not load of a model whose weights are whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tabbydoctor.api import Evidence, Finding, Remedy, Severity
from tabbydoctor.deployment.nixos import in_store
from tabbydoctor.gpu.architectures import NEWEST, NEWEST_OF, SINCE
from tabbydoctor.nixos.by_rebuild import where_made
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.model_weights import TOKENIZER, ModelDirectory

from ..python_packages import git_pull, own_extra, pip_install
from . import edit
from .model_words import Judging, again, ending, listed, name_another

PACKED_METHODS: Mapping[str, str] = {"awq": "AWQ", "hqq": "HQQ", "aqlm": "AQLM"}
"""`quant_method` -> the format, where no tensor is of a form that exllamav3 loads."""
_FOR_IMAGES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "Gemma3ForConditionalGeneration",
            "Glm4vForConditionalGeneration",
            "Glm4vMoeForConditionalGeneration",
            "HCXVisionV2ForCausalLM",
            "Qwen2_5_VLForConditionalGeneration",
            "Qwen3VLForConditionalGeneration",
            "Qwen3VLMoeForConditionalGeneration",
            "Qwen3_5ForConditionalGeneration",
            "Qwen3_5MoeForConditionalGeneration",
        ),
        ("preprocessor_config.json",),
    ),
    "Mistral3ForConditionalGeneration": ("preprocessor_config.json", "processor_config.json"),
}
"""Architecture -> files of which exllamav3 (1.4.1) opens one, whether images are used or not."""


_ADAPTER = "adapter_config.json"


def architecture(one: ModelDirectory, by: Judging) -> Finding | None:
    if by.known is None or not by.exllamav3 or not one.about:
        return None
    told = one.about.get("architectures")
    names = [str(name) for name in told] if isinstance(told, list) else []
    what, path = f"the {one.file.part} {one.file.name}", f"{one.file.path}/config.json"
    if len(names) != 1:
        return ending(
            one,
            f"The config.json of {what} names {len(names) or 'no'} architecture"
            + ("s" if len(names) > 1 else ""),
            "exllamav3 takes it from there, and takes one.",
            (Evidence(path, "one name in architectures", listed(names) or "none"),),
            *again(one, by),
            name_another(one, by),
        )
    if names[0] in by.known.names:
        return None
    version = f" {by.known.version}" if by.known.version else ""
    return ending(
        one,
        f"exllamav3{version} does not know {names[0]}, the architecture of {what}",
        _known_since(names[0]),
        (
            Evidence(path, None, f"architectures: {names[0]}"),
            Evidence(by.known.path, names[0], f"{len(by.known.names)} architectures, not this one"),
        ),
        *_updated(names[0], one, by),
    )


def _known_since(name: str) -> str:
    if name in SINCE:
        return f"exllamav3 loads it since {SINCE[name]}."
    return f"No release of exllamav3 up to {NEWEST} ({NEWEST_OF}) does; a newer one may."


def _updated(name: str, one: ModelDirectory, by: Judging) -> Iterator[Remedy]:
    sure = f"{SINCE[name]} or newer" if name in SINCE else "if a newer release knows it"
    title = f"Update TabbyAPI and exllamav3 ({sure}; cu13 for drivers from 580, else cu12)"
    if by.known and in_store(by.known.path):
        yield where_made(title, by.known.path, nixos=False)
    else:
        update = (git_pull(by.instance), pip_install(by.instance, own_extra(by.instance, by.extra)))
        yield Remedy(title, commands=(*update, *by.instance.restart))
    yield name_another(one, by)


def packed(one: ModelDirectory, by: Judging) -> Finding | None:
    if not by.exllamav3:
        return None
    method = one.file.quantization.lower()
    packed = PACKED_METHODS.get(method) or next((w.packed for w in one.weights if w.packed), "")
    if not packed:
        return None
    return ending(
        one,
        f"The {one.file.part} {one.file.name} is {packed}, which this TabbyAPI does not load",
        "exllamav3 finds no tensors of a form that it knows: exl3 or unquantized.",
        (Evidence(f"{one.file.path}/config.json", "exl3, or none", f"quant_method {method}"),),
        name_another(one, by),
    )


def further_files(one: ModelDirectory, by: Judging) -> Finding | None:
    """The tokenizer, and what a model that sees needs."""
    if not by.exllamav3 or one.closed:
        return None
    if one.file.part == "model" and TOKENIZER not in one.names:
        tokenizers = sorted(n for n in one.names if n.startswith(("tokenizer.model", "tekken")))
        there = f"{listed(tokenizers)} alone, which it does not read" if tokenizers else "none"
        return _lacks(one, by, (TOKENIZER,), there)
    names = one.about.get("architectures")
    wanted = _FOR_IMAGES.get(str(names[0]), ()) if isinstance(names, list) and names else ()
    if wanted and not one.names & set(wanted):
        return _lacks(one, by, wanted, "not there")
    return None


def _lacks(one: ModelDirectory, by: Judging, wanted: tuple[str, ...], there: str) -> Finding:
    return ending(
        one,
        f"The {one.file.part} {one.file.name} has no {' or '.join(wanted)}",
        "It is opened with every load.",
        (Evidence(one.file.path, " or ".join(wanted), there),),
        *again(one, by),
    )


def without_template(one: ModelDirectory, config: EffectiveConfig) -> Finding | None:
    """A remark: completions work, chat does not."""
    named = config.value("model", "prompt_template")
    if one.template or named or one.file.part != "model" or not one.names:
        return None
    return Finding(
        f"The model {one.file.name} brings no chat template",
        "TabbyAPI answers /v1/completions; for chat completions it needs model.prompt_template.",
        (
            Evidence(
                one.file.path, "chat_template.jinja, or tokenizer_config.json with one", "none"
            ),
        ),
        (Remedy("For chat, name a template of templates/ in model.prompt_template"),),
        severity=Severity.INFO,
    )


def lora(one: ModelDirectory, by: Judging) -> Finding | None:
    """No LoRA is loaded since ExLlamaV2 is gone (2026-07-14); before, it needs two files."""
    name = one.file.name
    if by.exllamav3:
        return ending(
            one,
            f"This TabbyAPI loads no LoRAs: {name} is left out",
            "Its exllamav3 part has none of it yet, and says so in the log.",
            (Evidence(f"{by.instance.main_directory}/backends", "exllamav2", "exllamav3 alone"),),
            edit("Take lora.loras out", one.file.setting.origin, by.instance, machine=by.machine),
        )
    weights = [file for file in one.names if file.startswith("adapter_model.")]
    if one.closed or (_ADAPTER in one.names and weights):
        return None
    wanted = "adapter_model.safetensors" if _ADAPTER in one.names else _ADAPTER
    return _lacks(one, by, (wanted,), "not there")
