"""The stand-in's configuration: sections, keys, defaults and limits of TabbyAPI of January 2025.

An older server for the stand-in to be: see `model.py`, and `release.py` for what else differs.
"""
# ruff: noqa: UP006, UP007, UP035, UP045

from typing import Any, List, Literal, Optional, Union

from pydantic import BaseModel, ConfigDict, Field, field_validator

CACHE_SIZES = Literal["FP16", "Q8", "Q6", "Q4"]


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


class ModelConfig(BaseConfigModel):
    """The model and how it is loaded."""

    model_dir: str = Field("models")
    inline_model_loading: Optional[bool] = Field(False)
    use_dummy_models: Optional[bool] = Field(False)
    dummy_model_names: List[str] = Field(default=["gpt-3.5-turbo"])
    model_name: Optional[str] = Field(None)
    use_as_default: List[str] = Field(default_factory=list)
    max_seq_len: Optional[int] = Field(None, ge=0)
    cache_size: Optional[int] = Field(None, multiple_of=256, gt=0)
    cache_mode: Optional[CACHE_SIZES] = Field("FP16")
    tensor_parallel: Optional[bool] = Field(False)
    gpu_split_auto: Optional[bool] = Field(True)
    autosplit_reserve: List[int] = Field([96])
    gpu_split: List[float] = Field(default_factory=list)
    rope_scale: Optional[float] = Field(1.0)
    rope_alpha: Optional[Union[float, Literal["auto"]]] = Field(None)
    chunk_size: Optional[int] = Field(2048, gt=0)
    max_batch_size: Optional[int] = Field(None, ge=1)
    prompt_template: Optional[str] = Field(None)
    vision: Optional[bool] = Field(False)
    num_experts_per_token: Optional[int] = Field(None)


class DraftModelConfig(BaseConfigModel):
    """Speculative decoding."""

    draft_model_dir: Optional[str] = Field("models")
    draft_model_name: Optional[str] = Field(None)
    draft_rope_scale: Optional[float] = Field(1.0)
    draft_rope_alpha: Optional[float] = Field(None)
    draft_cache_mode: Optional[CACHE_SIZES] = Field("FP16")


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


class DeveloperConfig(BaseConfigModel):
    """For developers."""

    unsafe_launch: Optional[bool] = Field(False)
    disable_request_streaming: Optional[bool] = Field(False)
    cuda_malloc_backend: Optional[bool] = Field(False)
    uvloop: Optional[bool] = Field(False)
    realtime_process_priority: Optional[bool] = Field(False)


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
    developer: Optional[DeveloperConfig] = Field(default_factory=DeveloperConfig.model_construct)
