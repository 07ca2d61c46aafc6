"""Estimates what the configured model will take, from its directory and the configuration.

Facts of TabbyAPI's backends/exllamav3/model.py: the draft cache is for as many tokens as the
model's; `max_batch_size` is 4 for a model with recurrent layers; each drafted token is one more
state; vision, draft and MTP are loaded beside the model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.reader import reader
from tabbydoctor.documents import json_of
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.gpu.backend import Backend
from tabbydoctor.gpu.bits import FileBits, bits_of
from tabbydoctor.gpu.byte_range import NOTHING, ByteRange
from tabbydoctor.gpu.cache_layout import CacheLayout, cache_bits
from tabbydoctor.gpu.estimated_model import EstimatedModel
from tabbydoctor.gpu.layer_kinds import Version, cache_layout, drafting_layout, sees
from tabbydoctor.gpu.memory_need import DraftMode, LoadedModel, MemoryNeed
from tabbydoctor.gpu.torch import PythonEnvironment
from tabbydoctor.gpu.weights import NoFiles, UnreadableModel, Weights, weights
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass, field, replace
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.model_files import ModelFiles, NamedFile, Part

_OLD_DEFAULT_CACHE = 4096
_UNKNOWN_CONTEXT = 8192
"""TabbyAPI's `max_seq_len_default`, where the model does not say how long its context is."""
_MOST_TOKENS = 1 << 40
_ESTIMATED = ("", "exl3", "fp8", "mxfp4")
_REQUESTS = 4
_MOST_REQUESTS = 1 << 16
_DRAFTED = 4
_DRAFTED_BY_ITSELF: Mapping[str, int] = {"HYV3ForCausalLM": 2}
_READS_PACKED = (1, 0, 0)
"""Since that version of exllamav3 the attention reads a quantised cache as it is."""


def memory_need(
    host: Host,
    instance: Instance,
    config: EffectiveConfig,
    files: ModelFiles,
    backend: Backend | None,
    environment: PythonEnvironment | None,
    asked: EstimatedModel | None,
) -> MemoryNeed:
    """Estimate it from the model's directory and the effective configuration.

    Raises Absent without a model, Unknown (naming what is missing) where it cannot be told.
    """
    host = host.seen_by(reader(host, instance))
    source = _asked(asked) if asked else _configured(files, "model")
    if source is None:
        raise Absent("no model is configured")
    version = _version(environment, backend)
    found = _Estimate(host, config, version, source)
    return found.need(files, backend)


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a model is."""

    name: str
    directory: str
    file: str = "config.json"
    bits: float | None = None
    awaited: bool = False
    """Whether its weights need not be there."""


@dataclass
class _Estimate:
    host: Host
    config: EffectiveConfig
    version: Version | None
    source: _Source
    assumed: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def need(self, files: ModelFiles, backend: Backend | None) -> MemoryNeed:
        shape = _read_config(self.host, self.source)
        layout = cache_layout(shape, self.version)
        size = self._weights(self.source, shape, layout)
        mode = self._draft_mode()
        main = LoadedModel(
            self.source.name,
            self.source.directory,
            self._offloaded(size),
            layout,
            cache_bits(self.config.value("model", "cache_mode")),
        )
        draft = self._draft(files, mode, shape, size)
        if draft and self.config.value("draft_model", "draft_gpu_split"):
            self.assumed.append("draft_gpu_split: the draft is counted, not where it goes")
        need = MemoryNeed(
            main,
            self._tokens(layout, backend),
            draft,
            self._further(files),
            token_count(self.config.value("model", "chunk_size")),
            vision=self._vision(shape, size),
            draft_mode=mode if draft or mode == "ngram" else "",
            drafted=self._drafted(mode, shape) if draft or mode == "ngram" else 0,
            requests=self._requests(layout),
            unpacks=self.version is None or self.version < _READS_PACKED,
        )
        return replace(need, left_out=tuple(self.left_out), assumed=tuple(self.assumed))

    def _weights(self, source: _Source, shape: Mapping[str, Any], layout: CacheLayout) -> Weights:
        tied = shape.get("tie_word_embeddings", True) is not False
        if source.bits is None:
            try:
                return weights(self.host, source.directory, layout.layers, tied=tied)
            except NoFiles:
                if not source.awaited:
                    raise
        found: FileBits = bits_of(shape, source.bits)
        self.assumed.append(found.says)
        return found.weights

    def _offloaded(self, size: Weights) -> ByteRange:
        """Without the experts that `cpu_moe_offload_layers` keeps in system memory: of the first
        layers that have any (exllamav3's modules/block_sparse_mlp.py)."""
        layers = token_count(self.config.value("model", "cpu_moe_offload_layers"))
        if not layers:
            return size.text
        if not size.experts:
            self.assumed.append("cpu_moe_offload_layers: this model has no experts to keep out")
            return size.text
        away = min(sum(size.experts[:layers]), size.text.low)
        self.assumed.append(
            f"cpu_moe_offload_layers: the experts of {min(layers, len(size.experts))} of "
            f"{len(size.experts)} layers stay in system memory; at most one layer's come along"
        )
        low = size.text.low - away
        return ByteRange(low, size.text.high - away + max(size.experts))

    def _vision(self, shape: Mapping[str, Any], size: Weights) -> ByteRange:
        if self.config.value("model", "vision") is not True:
            return NOTHING
        if not sees(shape):
            self.assumed.append("vision: exllamav3 has no model for images of this kind")
            return NOTHING
        return size.vision

    def _draft_mode(self) -> DraftMode:
        """How it drafts; what is not TabbyAPI's is no way to."""
        mode = self.config.value("draft_model", "draft_mode") or "model"
        if mode == "model":
            return "model" if self.config.value("draft_model", "draft_model_name") else ""
        other: tuple[DraftMode, ...] = ("mtp", "ngram")
        return next((one for one in other if one == mode), "")

    def _draft(
        self, files: ModelFiles, mode: DraftMode, shape: Mapping[str, Any], size: Weights
    ) -> LoadedModel | None:
        bits = cache_bits(self.config.value("draft_model", "draft_cache_mode"))
        try:
            if mode == "mtp":
                layout = drafting_layout(shape)
                if layout is None:
                    raise Unknown("the model brings no layers for it")
                return LoadedModel(
                    self.source.name, self.source.directory, size.drafting, layout, bits
                )
            source = _configured(files, "draft model") if mode == "model" else None
            if source is None:
                return None
            told = _read_config(self.host, source)
            layout = cache_layout(told, self.version)
            text = self._weights(source, told, layout).text
            return LoadedModel(source.name, source.directory, text, layout, bits)
        except (Absent, Unknown) as unknown:
            what = "drafting by its own layers" if mode == "mtp" else "the draft model"
            self.left_out.append(f"{what} ({unknown})")
            return None

    def _drafted(self, mode: DraftMode, shape: Mapping[str, Any]) -> int:
        told = self.config.value("draft_model", "draft_num_tokens")
        if isinstance(told, int) and 0 <= told < _MOST_REQUESTS:
            return told
        named = shape.get("architectures")
        name = str(named[0]) if isinstance(named, list) and named else ""
        return _DRAFTED_BY_ITSELF.get(name, _DRAFTED) if mode == "mtp" else _DRAFTED

    def _requests(self, layout: CacheLayout) -> int:
        told = token_count(self.config.value("model", "max_batch_size"))
        return min(told, _MOST_REQUESTS) or (_REQUESTS if layout.states else 1)

    def _tokens(self, layout: CacheLayout, backend: Backend | None) -> tuple[int, int]:
        """At least and at most: `cache_size`, else the default of the installed version."""
        size = token_count(self.config.value("model", "cache_size"))
        if size:
            return size, size
        default = backend.default_cache if backend else None
        if default and default.isdecimal():
            return int(default), int(default)
        length = self.config.value("model", "max_seq_len")
        if token_count(length):
            return token_count(length), token_count(length)
        context = layout.max_tokens or _UNKNOWN_CONTEXT
        if default == "max_seq_len" or length == -1:
            return context, context
        old = backend is not None and backend.required is not None
        return min(context, _OLD_DEFAULT_CACHE), _OLD_DEFAULT_CACHE if old else context

    def _further(self, files: ModelFiles) -> ByteRange:
        """At most: an embedding model on the GPU."""
        file = _named(files, "embedding model")
        on_cpu = self.config.value("embeddings", "embeddings_device") in (None, "cpu")
        if file is None or file.problem or on_cpu:
            return NOTHING
        return ByteRange(0, sum(_sizes(self.host, file.path)))


def token_count(setting: object) -> int:
    """The tokens that a setting asks for: at most more than any GPU holds, 0 where it is none."""
    return min(max(setting, 0), _MOST_TOKENS) if isinstance(setting, int) else 0


def _asked(model: EstimatedModel) -> _Source:
    return _Source(model.name, model.directory, model.file, model.bits, awaited=True)


def _configured(files: ModelFiles, part: Part) -> _Source | None:
    """Raises Absent where there is no model, Unknown where it cannot be estimated."""
    file = _named(files, part)
    if file is None:
        return None
    if file.problem == "unreadable":
        raise Unknown(f"cannot look into {file.path}: run as root")
    if file.problem:
        raise Absent(f"the {file.part} {file.name} cannot be loaded: see CFG010")
    if file.quantization.lower() not in _ESTIMATED:
        raise Unknown(f"the size of a model in {file.quantization} once loaded is not known")
    return _Source(file.name, file.path)


def _named(files: ModelFiles, part: Part) -> NamedFile | None:
    return next((file for file in files.files if file.part == part), None)


def _read_config(host: Host, source: _Source) -> Mapping[str, Any]:
    path = f"{source.directory}/{source.file}"
    try:
        overrides = "tabby_config.yml" in host.names(source.directory)
        found = json_of(host.read(path, limit=32 << 20).data)
    except (OSError, ValueError) as error:
        raise UnreadableModel(f"cannot read {path}{_why(error)}") from error
    if overrides:
        raise Unknown(
            f"{source.directory}/tabby_config.yml overrides the configuration of this model"
        )
    if not isinstance(found, dict):
        raise UnreadableModel(f"{path} is no JSON object")
    return found


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return f": {error.strerror}" if error.strerror else ""
    return ": it is no JSON"


def _version(environment: PythonEnvironment | None, backend: Backend | None) -> Version | None:
    """The installed exllamav3's, else the oldest with which TabbyAPI loads a model."""
    installed = environment.packages.get("exllamav3") if environment else None
    told = installed or (backend.required if backend else None)
    numbers = re.match(r"[0-9]{1,6}(?:\.[0-9]{1,6}){0,3}", told or "")
    return tuple(map(int, numbers[0].split("."))) if numbers else None


def _sizes(host: Host, directory: str) -> Iterator[int]:
    try:
        for name in host.names(directory):
            if name.endswith(".safetensors"):
                yield host.status(f"{directory}/{name}").size
    except OSError:
        return


GATHERERS = (memory_need,)
