"""The stand-in's configuration: sections, keys, defaults and limits of TabbyAPI of August 2026.

It is spelled as TabbyAPI spells its own `common/config_models.py`, because `layout.install`
writes this very text there: readers that look at annotated class fields see the real names.
"""
# ruff: noqa: UP006, UP007, UP035, UP045

from typing import Annotated, Any, List, Literal, Optional, Union

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

CACHE_SIZES = Literal["FP16", "Q8", "Q6", "Q4"]
CACHE_TYPE = Union[CACHE_SIZES, Annotated[str, StringConstraints(pattern=r"^[2-8]\s*,\s*[2-8]$")]]


class BaseConfigModel(BaseModel):
    """One section."""

    model_config = ConfigDict(protected_namespaces=())


class ConfigOverrideConfig(BaseConfigModel):
    """Only given on the command line."""

    config: Optional[str] = Field(None)


class NetworkConfig(BaseConfigModel):
    """Where it listens, and who may call."""

    host: Optional[str] = Field("127.0.0.1")
    port: Optional[int] = Field(5000)
    disable_auth: Optional[bool] = Field(False)
    disable_fetch_requests: Optional[bool] = Field(False)
    send_tracebacks: Optional[bool] = Field(False)
    api_servers: Optional[List[Literal["oai", "kobold"]]] = Field(["OAI"])  # type: ignore[assignment]
    sse_ping_interval: Optional[int] = Field(15, ge=0)

    @field_validator("api_servers", mode="before")
    @classmethod
    def lower_case(cls, names: Any) -> Any:
        """Any spelling of a name will do; a scalar is read letter by letter, and refused."""
        return [name.lower() for name in names]


class LoggingConfig(BaseConfigModel):
    """What is written to the log."""

    log_prompt: Optional[bool] = Field(False)
    log_generation_params: Optional[bool] = Field(False)
    log_requests: Optional[bool] = Field(False)
    log_chat_completion_requests: Optional[bool] = Field(False)


class ModelConfig(BaseConfigModel):
    """The model and how it is loaded."""

    model_dir: str = Field("models")
    inline_model_loading: Optional[bool] = Field(False)
    use_dummy_models: Optional[bool] = Field(False)
    dummy_model_names: List[str] = Field(default=["gpt-3.5-turbo"])
    model_name: Optional[str] = Field(None)
    use_as_default: List[str] = Field(default_factory=list)
    backend: Optional[str] = Field(None)
    max_seq_len: Optional[int] = Field(None, ge=-1)
    cache_size: Optional[int] = Field(None, multiple_of=256, gt=0)
    cache_mode: Optional[CACHE_TYPE] = Field("FP16")
    tensor_parallel: Optional[bool] = Field(False)
    tensor_parallel_backend: Optional[str] = Field("native")
    gpu_split_auto: Optional[bool] = Field(True)
    autosplit_reserve: List[float] = Field([96])
    gpu_split: List[float] = Field(default_factory=list)
    cpu_moe_offload_layers: Optional[int] = Field(0)
    rope_scale: Optional[float] = Field(1.0)
    rope_alpha: Optional[Union[float, Literal["auto"]]] = Field(None)
    chunk_size: Optional[int] = Field(2048, gt=0)
    output_chunking: Optional[bool] = Field(True)
    max_batch_size: Optional[int] = Field(None, ge=1)
    prompt_template: Optional[str] = Field(None)
    vision: Optional[bool] = Field(False)
    template_vars_default: dict[str, Any] = Field({})
    template_vars_force: dict[str, Any] = Field({})
    force_enable_thinking: bool = Field(False)
    reasoning: bool = Field(False)
    reasoning_start_token: str = Field("<think>")
    reasoning_end_token: str = Field("</think>")
    start_in_reasoning: str = Field("auto")
    tool_calls_in_reasoning: bool = Field(True)
    reasoning_budget_tokens: Optional[int] = Field(None)
    reasoning_budget_message: Optional[str] = Field(None)
    tool_format: Optional[str] = Field(None)
    harmony: Optional[bool] = Field(None)
    muse_glimmer: Optional[bool] = Field(None)


class DraftModelConfig(BaseConfigModel):
    """Speculative decoding."""

    draft_mode: Optional[Literal["model", "disabled", "mtp", "ngram"]] = Field("model")
    draft_model_dir: Optional[str] = Field("models")
    draft_model_name: Optional[str] = Field(None)
    draft_rope_scale: Optional[float] = Field(1.0)
    draft_rope_alpha: Optional[float] = Field(None)
    draft_cache_mode: Optional[CACHE_SIZES] = Field("FP16")
    draft_gpu_split: List[float] = Field(default_factory=list)
    draft_num_tokens: Optional[int] = Field(None)
    dynamic_draft: Optional[bool] = Field(False)
    ngram_match_min: Optional[int] = Field(2)


class SamplingConfig(BaseConfigModel):
    """Sampler presets."""

    override_preset: Optional[str] = Field(None)


class LoraInstanceModel(BaseConfigModel):
    """One LoRA of the list."""

    name: Optional[str] = None
    scaling: float = Field(1.0, ge=0)


class LoraConfig(BaseConfigModel):
    """LoRAs to load."""

    lora_dir: Optional[str] = Field("loras")
    loras: Optional[List[LoraInstanceModel]] = Field(None)


class EmbeddingsConfig(BaseConfigModel):
    """The embedding model."""

    embedding_model_dir: Optional[str] = Field("models")
    embeddings_device: Optional[Literal["cpu", "auto", "cuda"]] = Field("cpu")
    embedding_model_name: Optional[str] = Field(None)


class MemoryConfig(BaseConfigModel):
    """Caches in system memory, and the allocator."""

    sysmem_recurrent_cache: Optional[int] = Field(4096)
    sysmem_kv_cache: Optional[int] = Field(0)
    cuda_malloc_async: Optional[bool] = Field(True)


class DeveloperConfig(BaseConfigModel):
    """For developers."""

    unsafe_launch: Optional[bool] = Field(False)
    disable_request_streaming: Optional[bool] = Field(False)
    realtime_process_priority: Optional[bool] = Field(False)
    seqlog: Optional[bool] = Field(False)
    seqlog_server_url: Optional[str] = Field("http://localhost:5341")
    seqlog_api_key: Optional[str] = Field(None)


class TabbyConfigModel(BaseModel):
    """The whole configuration."""

    config: Optional[ConfigOverrideConfig] = Field(
        default_factory=ConfigOverrideConfig.model_construct
    )
    network: Optional[NetworkConfig] = Field(default_factory=NetworkConfig.model_construct)
    logging: Optional[LoggingConfig] = Field(default_factory=LoggingConfig.model_construct)
    model: Optional[ModelConfig] = Field(default_factory=ModelConfig.model_construct)
    draft_model: Optional[DraftModelConfig] = Field(
        default_factory=DraftModelConfig.model_construct
    )
    lora: Optional[LoraConfig] = Field(default_factory=LoraConfig.model_construct)
    embeddings: Optional[EmbeddingsConfig] = Field(default_factory=EmbeddingsConfig.model_construct)
    sampling: Optional[SamplingConfig] = Field(default_factory=SamplingConfig.model_construct)
    memory: Optional[MemoryConfig] = Field(default_factory=MemoryConfig.model_construct)
    developer: Optional[DeveloperConfig] = Field(default_factory=DeveloperConfig.model_construct)
