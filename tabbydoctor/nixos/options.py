"""Every option of the NixOS module `services.tabbyapi`, and what TabbyAPI makes of it.

As in albertov/exllamav3-nix, `modules/tabbyapi.nix`: fifty options, `enable`, and the two inside
`loras`. A type is written as the module system names it (nixpkgs, `lib.types`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from tabbydoctor.records import dataclass

NixType = Literal[
    "bool",
    "cacheMode",
    "device",
    "listOf apiServer",
    "listOf float",
    "listOf ints.positive",
    "listOf lora",
    "listOf path",
    "listOf str",
    "float",
    "ints.positive",
    "nullOr float",
    "nullOr ints.positive",
    "nullOr str",
    "package",
    "port",
    "str",
]

CHOICES: Mapping[str, tuple[str, ...]] = {
    "apiServer": ("OAI", "Kobold"),
    "cacheMode": ("FP16", "Q8", "Q6", "Q4"),
    "device": ("cpu", "cuda", "auto"),
}
"""The values of the module's enumerations."""

STATE = "/var/lib/tabbyapi"
MODELS, LORAS = f"{STATE}/models", f"{STATE}/loras"


class _Required:
    """The default of an option that has to be set."""

    def __repr__(self) -> str:
        return "required"


REQUIRED = _Required()


@dataclass(frozen=True, slots=True)
class Option:
    """One option."""

    name: str
    type: NixType
    default: Any
    key: tuple[str, str] | None = None
    """The section and key it writes; None where it writes none."""
    ignored: str = ""
    """Why TabbyAPI makes nothing of it; empty where it takes it."""

    @property
    def nullable(self) -> bool:
        """Whether null, and so no key at all, may be given."""
        return self.type.startswith("nullOr ")

    @property
    def omits_default(self) -> bool:
        """Whether the key is left out at the default: the environment sets it then."""
        return self.default is None or self.default == []


_DRAFT = "TabbyAPI's section is draft_model: it drops draft"
_MALLOC = "TabbyAPI dropped cuda_malloc_backend on 2025-08-01"
_FILES = "the module gives the unit no EnvironmentFile="
_ARGUMENTS = "TabbyAPI ignores arguments beside --config, and ends on those it does not know"


def _draft(name: str, type: NixType, default: Any, key: str) -> Option:
    return Option(name, type, default, ("draft", key), _DRAFT)


_NETWORK = (
    Option("host", "str", "127.0.0.1", ("network", "host")),
    Option("port", "port", 5000, ("network", "port")),
    Option("disableAuth", "bool", False, ("network", "disable_auth")),
    Option("disableFetchRequests", "bool", False, ("network", "disable_fetch_requests")),
    Option("sendTracebacks", "bool", False, ("network", "send_tracebacks")),
    Option("apiServers", "listOf apiServer", ["OAI"], ("network", "api_servers")),
)
_LOGGING = (
    Option("logPrompt", "bool", False, ("logging", "log_prompt")),
    Option("logGenerationParams", "bool", False, ("logging", "log_generation_params")),
    Option("logRequests", "bool", False, ("logging", "log_requests")),
)
_SAMPLING = (Option("overridePreset", "nullOr str", None, ("sampling", "override_preset")),)
_DEVELOPER = (
    Option("unsafeLaunch", "bool", False, ("developer", "unsafe_launch")),
    Option("disableRequestStreaming", "bool", False, ("developer", "disable_request_streaming")),
    Option("cudaMallocBackend", "bool", False, ("developer", "cuda_malloc_backend"), _MALLOC),
    Option("realtimeProcessPriority", "bool", False, ("developer", "realtime_process_priority")),
)
_MODEL = (
    Option("modelDir", "str", MODELS, ("model", "model_dir")),
    Option("inlineModelLoading", "bool", False, ("model", "inline_model_loading")),
    Option("useDummyModels", "bool", False, ("model", "use_dummy_models")),
    Option("dummyModelNames", "listOf str", ["gpt-3.5-turbo"], ("model", "dummy_model_names")),
    Option("modelName", "str", REQUIRED, ("model", "model_name")),
    Option("useAsDefault", "listOf str", [], ("model", "use_as_default")),
    Option("maxSeqLen", "nullOr ints.positive", None, ("model", "max_seq_len")),
    Option("tensorParallel", "bool", False, ("model", "tensor_parallel")),
    Option("gpuSplitAuto", "bool", True, ("model", "gpu_split_auto")),
    Option("autosplitReserve", "listOf ints.positive", [96], ("model", "autosplit_reserve")),
    Option("gpuSplit", "listOf float", [], ("model", "gpu_split")),
    Option("ropeScale", "float", 1.0, ("model", "rope_scale")),
    Option("ropeAlpha", "nullOr float", None, ("model", "rope_alpha")),
    Option("cacheMode", "cacheMode", "FP16", ("model", "cache_mode")),
    Option("cacheSize", "nullOr ints.positive", None, ("model", "cache_size")),
    Option("chunkSize", "ints.positive", 2048, ("model", "chunk_size")),
    Option("maxBatchSize", "nullOr ints.positive", None, ("model", "max_batch_size")),
    Option("promptTemplate", "nullOr str", None, ("model", "prompt_template")),
    Option("vision", "bool", False, ("model", "vision")),
)
_DRAFT_MODEL = (
    _draft("draftModelDir", "str", MODELS, "draft_model_dir"),
    _draft("draftModelName", "nullOr str", None, "draft_model_name"),
    _draft("draftRopeScale", "float", 1.0, "draft_rope_scale"),
    _draft("draftRopeAlpha", "float", 1.0, "draft_rope_alpha"),
    _draft("draftCacheMode", "cacheMode", "FP16", "draft_cache_mode"),
    _draft("draftGpuSplit", "listOf float", [], "draft_gpu_split"),
)
_LORA = (
    Option("loraDir", "str", LORAS, ("lora", "lora_dir")),
    Option("loras", "listOf lora", [], ("lora", "loras")),
)
_EMBEDDINGS = (
    Option("embeddingModelDir", "str", MODELS, ("embeddings", "embedding_model_dir")),
    Option("embeddingsDevice", "device", "cpu", ("embeddings", "embeddings_device")),
    Option("embeddingModelName", "nullOr str", None, ("embeddings", "embedding_model_name")),
)
_SERVICE = (
    Option("package", "package", None),
    Option("user", "str", "tabbyapi"),
    Option("group", "str", "tabbyapi"),
    Option("dataDir", "str", STATE),
    Option("extraArgs", "listOf str", [], None, _ARGUMENTS),
    Option("environmentFiles", "listOf path", [], None, _FILES),
)

ENABLE = Option("enable", "bool", False)
LORA: tuple[Option, ...] = (Option("name", "str", REQUIRED), Option("scaling", "float", 1.0))
"""The options of one entry of `loras`."""

OPTIONS: tuple[Option, ...] = (
    *_NETWORK,
    *_LOGGING,
    *_SAMPLING,
    *_DEVELOPER,
    *_MODEL,
    *_DRAFT_MODEL,
    *_LORA,
    *_EMBEDDINGS,
    *_SERVICE,
)
"""All fifty, in the module's order; `package` is python3Packages.tabby-api unless it is set."""

BY_NAME: Mapping[str, Option] = {option.name: option for option in (ENABLE, *OPTIONS)}
BY_KEY: Mapping[tuple[str, str], Option] = {one.key: one for one in OPTIONS if one.key}
