"""How much GPU memory the configured model will take: an estimate between two bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.reader import reader
from tabbydoctor.documents import json_of
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.gpu.backend import Backend
from tabbydoctor.gpu.byte_range import GIB, ByteRange
from tabbydoctor.gpu.cache_layout import Bits, CacheLayout, cache_bits, cache_layout
from tabbydoctor.gpu.weights import weights
from tabbydoctor.host import Host
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.model_files import ModelFiles, NamedFile, Part

# A CUDA context is hardly smaller; with cuBLAS, Triton and workspace it is hardly larger.
_CONTEXT = ByteRange(GIB // 4, GIB)
_USUAL_CHUNK = 2048
_OLD_DEFAULT_CACHE = 4096
_UNKNOWN_CONTEXT = 8192
"""TabbyAPI's `max_seq_len_default`, where the model does not say how long its context is."""
_MOST_TOKENS = 1 << 40
_MOST_RESERVED = 1 << 24
"""MiB: 16 TiB, more than any GPU has."""
_ESTIMATED = ("", "exl3", "fp8", "mxfp4")


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model and its cache."""

    name: str
    path: str
    weights: ByteRange
    layout: CacheLayout
    bits: Bits | None
    """The cache's; None for FP16."""


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """What a start will ask of the GPUs. `replace()` it to see what another setting would."""

    model: LoadedModel
    tokens: tuple[int, int]
    """The cache's, at least and at most: older versions have another default."""
    draft: LoadedModel | None = None
    further: ByteRange = field(default=ByteRange(0, 0))
    """What else may come: an embedding model, the reserve of the automatic split."""
    chunk_size: int = _USUAL_CHUNK
    left_out: tuple[str, ...] = ()
    """What could not be estimated, in words."""

    @property
    def tokens_shown(self) -> str:
        """The cache's tokens in words."""
        least, most = self.tokens
        return f"{most} tokens" if least == most else f"{least} to {most} tokens"

    @property
    def weights(self) -> ByteRange:
        """The models' weights."""
        return self.model.weights + self.draft.weights if self.draft else self.model.weights

    @property
    def cache(self) -> ByteRange:
        """The caches: the draft model's is for as many tokens."""
        own = self._cache(self.model)
        return own + self._cache(self.draft) if self.draft else own

    def overhead(self, gpus: int) -> ByteRange:
        """CUDA's context and the workspace on so many GPUs, which grows with `chunk_size`."""
        chunks = max(self.chunk_size, _USUAL_CHUNK)
        high = _CONTEXT.high * gpus * chunks // _USUAL_CHUNK
        return ByteRange(_CONTEXT.low, high) + self.further

    def total(self, gpus: int) -> ByteRange:
        """Everything, on so many GPUs."""
        return self.weights + self.cache + self.overhead(gpus)

    def _cache(self, model: LoadedModel) -> ByteRange:
        low, high = self.tokens
        return ByteRange(
            model.layout.bytes_for(low, model.bits).low,
            model.layout.bytes_for(high, model.bits).high,
        )


def memory_need(
    host: Host,
    instance: Instance,
    config: EffectiveConfig,
    files: ModelFiles,
    backend: Backend | None,
) -> MemoryNeed:
    """Estimate it from the model's directory and the effective configuration.

    Raises Absent without a model, Unknown (naming what is missing) where it cannot be told.
    """
    model = _named(files, "model")
    if model is None:
        raise Absent("no model is configured")
    host = host.seen_by(reader(host, instance))
    if config.value("model", "cpu_moe_offload_layers"):
        raise Unknown("cpu_moe_offload_layers keeps experts in system memory: how much is unknown")
    main = _loaded(host, model, config.value("model", "cache_mode"))
    draft, left_out = _draft(host, files, config)
    return MemoryNeed(
        main,
        _tokens(config, main.layout, backend),
        draft,
        _further(host, files, config),
        token_count(config.value("model", "chunk_size")),
        left_out,
    )


def _named(files: ModelFiles, part: Part) -> NamedFile | None:
    return next((file for file in files.files if file.part == part), None)


def _loaded(host: Host, file: NamedFile, mode: object) -> LoadedModel:
    """Raises Absent where there is no model, Unknown where it cannot be estimated."""
    if file.problem == "unreadable":
        raise Unknown(f"cannot look into {file.path}: run as root")
    if file.problem:
        raise Absent(f"the {file.part} {file.name} cannot be loaded: see CFG010")
    if file.quantization.lower() not in _ESTIMATED:
        raise Unknown(f"the size of a {file.quantization} model once loaded is not known")
    layout = cache_layout(_read_config(host, file.path))
    size = weights(host, file.path, layout.layers)
    return LoadedModel(file.name, file.path, size, layout, cache_bits(mode))


def _read_config(host: Host, directory: str) -> Mapping[str, Any]:
    path = f"{directory}/config.json"
    try:
        overrides = "tabby_config.yml" in host.names(directory)
        found = json_of(host.read(path, limit=32 << 20).data)
    except (OSError, ValueError) as error:
        raise Unknown(f"cannot read {path}") from error
    if overrides:
        raise Unknown(f"{directory}/tabby_config.yml overrides the configuration of this model")
    if not isinstance(found, dict):
        raise Unknown(f"{path} is no JSON object")
    return found


def _draft(
    host: Host, files: ModelFiles, config: EffectiveConfig
) -> tuple[LoadedModel | None, tuple[str, ...]]:
    file = _named(files, "draft model")
    if file is None:
        return None, ()
    try:
        return _loaded(host, file, config.value("draft_model", "draft_cache_mode")), ()
    except (Absent, Unknown) as unknown:
        return None, (f"the draft model ({unknown})",)


def _tokens(
    config: EffectiveConfig, layout: CacheLayout, backend: Backend | None
) -> tuple[int, int]:
    """At least and at most: `cache_size`, else the default of the installed version."""
    size = token_count(config.value("model", "cache_size"))
    if size:
        return size, size
    default = backend.default_cache if backend else None
    if default and default.isdecimal():
        return int(default), int(default)
    length = config.value("model", "max_seq_len")
    if token_count(length):
        return token_count(length), token_count(length)
    context = layout.max_tokens or _UNKNOWN_CONTEXT
    if default == "max_seq_len" or length == -1:
        return context, context
    old = backend is not None and backend.required is not None
    return min(context, _OLD_DEFAULT_CACHE), _OLD_DEFAULT_CACHE if old else context


def token_count(setting: object) -> int:
    """The tokens that a setting asks for: at most more than any GPU holds, 0 where it is none."""
    return min(max(setting, 0), _MOST_TOKENS) if isinstance(setting, int) else 0


def _further(host: Host, files: ModelFiles, config: EffectiveConfig) -> ByteRange:
    """At most: what automatic splitting keeps free, and an embedding model on the GPU."""
    reserve = config.value("model", "autosplit_reserve")
    shares = reserve if isinstance(reserve, list) else []
    high = sum(
        int(min(share, _MOST_RESERVED) * (1 << 20))
        for share in shares
        if isinstance(share, int | float) and 0 <= share < math.inf
    )
    file = _named(files, "embedding model")
    on_cpu = config.value("embeddings", "embeddings_device") in (None, "cpu")
    if file is not None and not file.problem and not on_cpu:
        high += _size(host, file.path)
    return ByteRange(0, high)


def _size(host: Host, directory: str) -> int:
    try:
        names = [name for name in host.names(directory) if name.endswith(".safetensors")]
        return sum(host.status(f"{directory}/{name}").size for name in names)
    except OSError:
        return 0


GATHERERS = (memory_need,)
