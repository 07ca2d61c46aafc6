"""Every configuration key of TabbyAPI: its type, its default, and when it lived.

The table answers where no installation can be read; `installed.py` reads an installed
version's own keys into the same `ConfigKey`. Dates are of the commits that brought or removed
a key (theroyallab/tabbyAPI, `common/config_models.py`, up to e632af4 of 2026-08-13).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from tabbydoctor.records import dataclass, field, replace

ValueKind = Literal[
    "bool",
    "int",
    "float",
    "text",
    "texts",
    "ints",
    "floats",
    "mapping",
    "choice",
    "choices",
    "cache",
    "float-or-auto",
    "loras",
    "any",
]


@dataclass(frozen=True, slots=True)
class ConfigKey:
    """One configuration key."""

    section: str
    name: str
    kind: ValueKind = "any"
    default: Any = None
    nullable: bool = True
    """Whether an explicit null passes validation."""
    limits: Mapping[str, float] = field(default_factory=dict)
    """pydantic's constraints: ge, gt, le, lt, multiple_of."""
    choices: tuple[str, ...] = ()
    """The values of a `choice`, or of each item of `choices`."""
    since: str = ""
    """The date it came; empty where that was before September 2024."""


@dataclass(frozen=True, slots=True)
class GoneKey:
    """A key that TabbyAPI no longer has."""

    section: str
    name: str
    until: str
    """The date it went."""
    replacement: str = ""
    """What does its job now, in words; empty where nothing does."""
    migrated: bool = False
    """Whether TabbyAPI rewrites a file that has it."""
    idle: tuple[object, ...] = ()
    """Values beside false and nothing that ask for what is so without it."""

    def asks_for_nothing(self, value: object) -> bool:
        """Whether all is as it asks for, though nobody reads it."""
        return not value or value in self.idle


_CACHE = ("FP16", "Q8", "Q6", "Q4")


def _section(name: str, *keys: ConfigKey) -> Iterable[ConfigKey]:
    yield from (replace(key, section=name) for key in keys)


def _key(
    name: str, kind: ValueKind, default: Any = None, since: str = "", **more: Any
) -> ConfigKey:
    return ConfigKey("", name, kind, default, since=since, **more)


_NETWORK = (
    _key("host", "text", "127.0.0.1"),
    _key("port", "int", 5000),
    _key("disable_auth", "bool", False),
    _key("disable_fetch_requests", "bool", False, "2024-11-17"),
    _key("send_tracebacks", "bool", False),
    _key("api_servers", "choices", ["OAI"], choices=("oai", "kobold")),
    _key("sse_ping_interval", "int", 15, "2026-07-15", limits={"ge": 0}),
)
_LOGGING = (
    _key("log_prompt", "bool", False),
    _key("log_generation_params", "bool", False),
    _key("log_requests", "bool", False),
    _key("log_chat_completion_requests", "bool", False, "2026-05-27"),
)
_MODEL = (
    _key("model_dir", "text", "models", nullable=False),
    _key("inline_model_loading", "bool", False),
    _key("use_dummy_models", "bool", False),
    _key("dummy_model_names", "texts", ["gpt-3.5-turbo"], "2024-11-17", nullable=False),
    _key("model_name", "text"),
    _key("use_as_default", "texts", [], nullable=False),
    _key("backend", "text", None, "2025-05-08"),
    _key("max_seq_len", "int", limits={"ge": -1}),
    _key("cache_size", "int", limits={"multiple_of": 256, "gt": 0}),
    _key("cache_mode", "cache", "FP16"),
    _key("tensor_parallel", "bool", False),
    _key("tensor_parallel_backend", "text", "native", "2025-08-17"),
    _key("gpu_split_auto", "bool", True),
    _key("autosplit_reserve", "floats", [96], nullable=False),
    _key("gpu_split", "floats", [], nullable=False),
    _key("cpu_moe_offload_layers", "int", 0, "2026-07-31"),
    _key("rope_scale", "float", 1.0),
    _key("rope_alpha", "float-or-auto"),
    _key("chunk_size", "int", 2048, limits={"gt": 0}),
    _key("output_chunking", "bool", True, "2025-10-14"),
    _key("max_batch_size", "int", limits={"ge": 1}),
    _key("prompt_template", "text"),
    _key("vision", "bool", False, "2024-11-11"),
    _key("template_vars_default", "mapping", {}, "2026-07-18", nullable=False),
    _key("template_vars_force", "mapping", {}, "2026-07-18", nullable=False),
    _key("force_enable_thinking", "bool", False, "2026-04-10", nullable=False),
    _key("reasoning", "bool", False, "2026-03-17", nullable=False),
    _key("reasoning_start_token", "text", "<think>", "2026-03-17", nullable=False),
    _key("reasoning_end_token", "text", "</think>", "2026-03-17", nullable=False),
    _key("start_in_reasoning", "text", "auto", "2026-07-15", nullable=False),
    _key("tool_calls_in_reasoning", "bool", True, "2026-07-15", nullable=False),
    _key("reasoning_budget_tokens", "int", None, "2026-08-12"),
    _key("reasoning_budget_message", "text", None, "2026-08-12"),
    _key("tool_format", "text", None, "2026-03-30"),
    _key("harmony", "bool", None, "2026-07-16"),
    _key("muse_glimmer", "bool", None, "2026-08-11"),
)
_DRAFT_MODEL = (
    _key(
        "draft_mode",
        "choice",
        "model",
        "2026-06-13",
        choices=("model", "disabled", "mtp", "ngram"),
    ),
    _key("draft_model_dir", "text", "models"),
    _key("draft_model_name", "text"),
    _key("draft_rope_scale", "float", 1.0),
    _key("draft_rope_alpha", "float"),
    _key("draft_cache_mode", "choice", "FP16", choices=_CACHE),
    _key("draft_gpu_split", "floats", [], "2025-02-08", nullable=False),
    _key("draft_num_tokens", "int", None, "2026-05-23"),
    _key("dynamic_draft", "bool", False, "2026-07-31"),
    _key("ngram_match_min", "int", 2, "2026-06-13"),
)
_LORA = (_key("lora_dir", "text", "loras"), _key("loras", "loras"))
_EMBEDDINGS = (
    _key("embedding_model_dir", "text", "models"),
    _key("embeddings_device", "choice", "cpu", choices=("cpu", "auto", "cuda")),
    _key("embedding_model_name", "text"),
)
_SAMPLING = (_key("override_preset", "text"),)
_MEMORY = (
    _key("sysmem_recurrent_cache", "int", 4096, "2026-04-17"),
    _key("sysmem_kv_cache", "int", 0, "2026-07-31"),
    _key("cuda_malloc_async", "bool", True, "2026-04-17"),
)
_DEVELOPER = (
    _key("unsafe_launch", "bool", False),
    _key("disable_request_streaming", "bool", False),
    _key("realtime_process_priority", "bool", False),
    _key("seqlog", "bool", False, "2026-03-27"),
    _key("seqlog_server_url", "text", "http://localhost:5341", "2026-03-27"),
    _key("seqlog_api_key", "text", None, "2026-03-27"),
)

KEYS: tuple[ConfigKey, ...] = (
    *_section("network", *_NETWORK),
    *_section("logging", *_LOGGING),
    *_section("model", *_MODEL),
    *_section("draft_model", *_DRAFT_MODEL),
    *_section("lora", *_LORA),
    *_section("embeddings", *_EMBEDDINGS),
    *_section("sampling", *_SAMPLING),
    *_section("memory", *_MEMORY),
    *_section("developer", *_DEVELOPER),
)
"""The keys of TabbyAPI e632af4 (2026-08-13), in its own order within a section."""

TABLE: Mapping[tuple[str, str], ConfigKey] = {(key.section, key.name): key for key in KEYS}
"""The same by section and name."""

GONE: tuple[GoneKey, ...] = (
    GoneKey("model", "low_mem", "2023-12-03"),
    GoneKey("model", "no_flash_attention", "2024-05-24"),
    GoneKey("model", "use_cfg", "2024-05-24"),
    GoneKey("logging", "prompt", "2024-09-18", "logging.log_prompt", True),
    GoneKey("logging", "generation_params", "2024-09-18", "logging.log_generation_params", True),
    GoneKey("logging", "requests", "2024-09-18", "logging.log_requests", True),
    GoneKey("model", "draft", "2024-09-18", "the section draft_model", True),
    GoneKey("model", "lora", "2024-09-18", "the section lora", True),
    GoneKey("model", "fasttensors", "2024-09-30"),
    GoneKey("model", "override_base_seq_len", "2024-10-30"),
    GoneKey("developer", "uvloop", "2025-02-10", "nothing: it is always on", idle=(True,)),
    GoneKey("model", "num_experts_per_token", "2025-03-19"),
    GoneKey(
        "developer",
        "cuda_malloc_backend",
        "2025-08-01",
        "memory.cuda_malloc_async (since 2026-04-17)",
    ),
    GoneKey("model", "reasoning_suppress_header", "2026-07-15"),
)
"""Keys that were removed, oldest first."""


LOGS_KEYS = frozenset({"logging.log_requests"})
"""Keys by which the Authorization headers of callers are written to the log."""


def gone(section: str, name: str) -> GoneKey | None:
    """What is known of a key that went, or None."""
    return next((key for key in GONE if (key.section, key.name) == (section, name)), None)


def gone_by_name(name: str) -> GoneKey | None:
    """The same of a key that stands in no section; none of a name that is a section's as well."""
    return next((key for key in GONE if key.name == name and not key.migrated), None)


def shipped_sections() -> dict[str, frozenset[str]]:
    """Section -> key names of the shipped table."""
    names = dict.fromkeys(key.section for key in KEYS)
    return {name: frozenset(k.name for k in KEYS if k.section == name) for name in names}


def is_secret(section: str, name: str | None) -> bool:
    """Whether a key holds something that must not be shown, going by its name."""
    full = f"{section}_{name or ''}".lower()
    if (section, name) in TABLE and not full.endswith(("api_key", "password")):
        return False
    return any(word in full for word in ("key", "token", "secret", "password"))
