"""Which architectures the installed exllamav3 loads, read from its files; nothing is imported."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.reader import reader
from tabbydoctor.facts import Unknown
from tabbydoctor.gpu.torch import PythonEnvironment
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass

_NAME = re.compile(r"""^[ \t]*arch_string[ \t]*=[ \t]*["']([\w.]{1,128})["']""", re.MULTILINE)
_PLACES = ("architecture", "models")
"""Of exllamav3, until 0.0.5 the second."""
_MOST = 1 << 20

NEWEST = "1.4.1"
"""The newest release of exllamav3 that the table below knows."""
NEWEST_OF = "2026-08-08"
"""When that was released."""
_SINCE: Mapping[str, str] = {
    "0.0.1": "Cohere2ForCausalLM CohereForCausalLM DeciLMForCausalLM Gemma2ForCausalLM "
    "Glm4ForCausalLM LlamaForCausalLM MistralForCausalLM Phi3ForCausalLM Qwen2ForCausalLM "
    "Qwen3ForCausalLM",
    "0.0.2": "Qwen3MoeForCausalLM",
    "0.0.3": "Gemma3ForConditionalGeneration MixtralForCausalLM",
    "0.0.4": "Dots1ForCausalLM Gemma3ForCausalLM MiMoForCausalLM Mistral3ForConditionalGeneration",
    "0.0.5": "Ernie4_5_ForCausalLM Ernie4_5_MoeForCausalLM Exaone4ForCausalLM SmolLM3ForCausalLM",
    "0.0.6": "ArceeForCausalLM Glm4MoeForCausalLM",
    "0.0.7": "ApertusForCausalLM Qwen3NextForCausalLM SeedOssForCausalLM",
    "0.0.12": "MiniMaxM2ForCausalLM",
    "0.0.13": "Qwen3VLForConditionalGeneration Qwen3VLMoeForConditionalGeneration",
    "0.0.15": "Glm4vForConditionalGeneration Glm4vMoeForConditionalGeneration",
    "0.0.18": "Ministral3ForCausalLM",
    "0.0.19": "HCXVisionV2ForCausalLM HyperCLOVAXForCausalLM IQuestCoderForCausalLM "
    "NanoChatForCausalLM Olmo3ForCausalLM SolarOpenForCausalLM",
    "0.0.20": "Qwen2_5_VLForConditionalGeneration",
    "0.0.23": "Qwen3_5ForConditionalGeneration Qwen3_5MoeForConditionalGeneration "
    "Step3p5ForCausalLM",
    "0.0.25": "Qwen3_5ForCausalLM Qwen3_5MoeForCausalLM",
    "0.0.26": "OlmoHybridForCausalLM",
    "0.0.29": "Gemma4ForConditionalGeneration",
    "0.0.31": "AfmoeForCausalLM DFlashDraftModel",
    "0.0.38": "Lfm2MoeForCausalLM",
    "0.0.39": "Step3p7ForConditionalGeneration",
    "0.0.40": "Gemma4UnifiedForConditionalGeneration",
    "1.0.0": "GptOssForCausalLM NemotronHForCausalLM",
    "1.1.0": "HYV3ForCausalLM",
    "1.2.0": "DFlashLagunaForCausalLM LagunaForCausalLM",
    "1.3.0": "DeepseekV3ForCausalLM",
    "1.4.0": "DeepseekV4ForCausalLM",
}
"""Release of exllamav3 -> the architectures that are new in it, by the tags of its repository."""
SINCE: Mapping[str, str] = {
    name: release for release, names in _SINCE.items() for name in names.split()
}
"""Architecture -> the first release of exllamav3 that loads it."""


@dataclass(frozen=True, slots=True)
class Architectures:
    """What the installed exllamav3 loads."""

    names: frozenset[str]
    """As `architectures` of a config.json names them."""
    path: str
    """The directory they were read from."""
    version: str
    """Of the distribution, as `1.4.1+cu128.torch2.9.0`; empty where it is not known."""


def architectures(host: Host, instance: Instance, environment: PythonEnvironment) -> Architectures:
    """Read the names that its sources declare. Raises Unknown where there is none to see."""
    seen = host.seen_by(reader(host, instance))
    version = environment.packages.get("exllamav3", "")
    for packages in environment.directories:
        for place in _PLACES:
            path = f"{packages}/exllamav3/{place}"
            names = frozenset(_declared(seen, path))
            if names:
                return Architectures(names, path, version)
    raise Unknown("which architectures its exllamav3 loads cannot be seen in its environment")


def _declared(host: Host, directory: str) -> Iterator[str]:
    try:
        files = [name for name in host.names(directory) if name.endswith(".py")]
        for name in files:
            yield from _NAME.findall(host.read(f"{directory}/{name}", _MOST).text())
    except OSError:
        return


GATHERERS = (architectures,)
