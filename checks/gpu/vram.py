"""The configured model and its cache will not fit into the memory of the GPUs.

## What it checks
An estimate of what the model will take, against the memory of the GPUs that TabbyAPI uses: an
error where even the low estimate is above all they have, a warning where it is above what is
free now.

## Why it matters
TabbyAPI loads the model before it opens its port. Without the memory it ends with
`CUDA out of memory` or `Insufficient VRAM in split for model and cache`.

## How it is told
By the estimate that `tabbydoctor vram` shows, term by term. Weights: the language model's layers
and its output layer, by the heads of the `*.safetensors` files (the embeddings stay in system
memory); the model for images where `vision` is on; a draft model, or the layers for drafting. The
cache of the layers that keep every token is for `cache_size` tokens, else `max_seq_len`, else all
that the model can take (`max_position_embeddings`), in the bits of `cache_mode`; layers of linear
attention, and sliding windows where the installed version keeps them in rings, hold a state for
each of `max_batch_size` requests instead. CUDA and its workspace take 0.25 to 1.4 GiB on each GPU
that is used; the high estimate has an embedding model on the GPU, too.

Nothing is said where the model is loaded; what TabbyAPI itself holds counts as free. A TabbyAPI
that was stopped is judged by the whole memory alone, as what is free may change until it starts. A
`gpu_split` leaves each GPU its share (and the CUDA context beside it), a share of 0 leaves a GPU
out; where the order of unlike GPUs is not known, only what fits in no order is said. Unknown:
models with a cache of their own kind, a `tabby_config.yml` beside the model, a `gpu_split` that
leaves every GPU without memory, WSL (where the driver may use system memory).

## What to do
Take a smaller cache: `cache_mode: Q8` takes about half of FP16's memory and `Q4` about a quarter; a
smaller `cache_size` takes less in proportion. `tabbydoctor vram` shows what each change would save,
and the largest cache that fits. Stop what else holds the memory. Otherwise take a smaller
quantization of the model. Where `gpu_split` leaves too little, raise its shares, or take it out and
let TabbyAPI split by itself (`gpu_split_auto`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from tabbydoctor.api import Evidence, Finding, Severity, Unknown, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.gpu.byte_range import gib, told_apart
from tabbydoctor.gpu.estimate import token_count
from tabbydoctor.gpu.memory_need import TERMS, MemoryNeed, Term
from tabbydoctor.gpu.memory_room import MemoryHolder, MemoryRoom
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.gpu.placement import gpus_used, total
from tabbydoctor.gpu.usable_room import UsableRoom
from tabbydoctor.tabbyapi.answers import model_name
from tabbydoctor.tabbyapi.answers import no_model as nothing_loaded
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import CREDENTIALS, Endpoint

from .vram_remedies import remedies

_STOPPED = ("", "inactive", "deactivating")
_SHOWN = 4


@check("GPU008", "vram", category="gpu", severity=Severity.WARNING)
def vram(
    gpu_need: GpuNeed,
    need: MemoryNeed,
    room: UsableRoom,
    instance: Instance,
    config: EffectiveConfig,
    machine: Machine,
    endpoint: Endpoint | None,
) -> Iterator[Finding]:
    low = total(need, room).low
    loaded = _loaded(endpoint)
    if low <= room.total and room.unordered:
        raise Unknown(room.unordered)
    if low <= room.free or loaded == PurePosixPath(need.model.name).name:
        return
    if room.own is not None and room.own >= low:
        return
    if low > room.total:
        limit, severity = room.total, Severity.ERROR
    elif loaded or not _tries_to_load(instance):
        return
    else:
        _may_be_loaded(room, instance, endpoint, machine)
        limit, severity = room.free, Severity.WARNING
    if machine.wsl:
        raise Unknown("under WSL the driver may make up for GPU memory with the system's")
    yield _finding(need, room, instance, config, limit, severity)


def _loaded(endpoint: Endpoint | None) -> str:
    """The model that is loaded, by /v1/model; empty where none is, or it does not tell."""
    if endpoint is None or not endpoint.reached:
        return ""
    names = (model_name(endpoint.answer("/v1/model", credential)) for credential in CREDENTIALS)
    return next((name for name in names if name), "")


def _tries_to_load(instance: Instance) -> bool:
    """Whether it is running, or its unit fails to: then what is free now is what counts."""
    state = instance.unit.get("ActiveState") if instance.unit else ""
    return instance.process is not None or state not in _STOPPED


def _may_be_loaded(
    room: MemoryRoom, instance: Instance, endpoint: Endpoint | None, machine: Machine
) -> None:
    """Raises Unknown where the model may well be loaded, in what is not free."""
    if instance.process is None:  # not root: it may be there and not be seen
        sure = machine.root or not (instance.unit and instance.unit.active)
    else:
        # Whether NVML says what processes hold, and by the numbers that they have here.
        says = any(holder.used_bytes for holder in room.holders) and not machine.container
        sure = bool(room.own) or (room.own == 0 and says)
    if sure:
        return
    answers = [endpoint.answer("/v1/model", one) for one in CREDENTIALS] if endpoint else []
    if not any(map(nothing_loaded, answers)):
        raise Unknown("whether the model is loaded already: NVML does not say what TabbyAPI holds")


def _finding(
    need: MemoryNeed,
    room: MemoryRoom,
    instance: Instance,
    config: EffectiveConfig,
    limit: int,
    severity: Severity,
) -> Finding:
    whole = total(need, room)
    have = "has" if len(room.gpus) == 1 else "have"
    needed, limit_shown = told_apart(whole.low, limit)
    there = f"{room.where} {have} {limit_shown} GiB"
    if room.limits:
        there = f"model.gpu_split leaves it {limit_shown} GiB"
    if severity is Severity.WARNING and not room.limits:
        there = f"{limit_shown} GiB are free on {room.where}"
    return Finding(
        f"The model needs {needed} GiB or more, {there}",
        f"Estimate for {need.model.name}: {whole} ({_parts(need, room)}). TabbyAPI ends with CUDA "
        "out of memory when it loads it.",
        tuple(_evidence(need, room, config)),
        tuple(remedies(need, room, instance, config, severity)),
        severity=severity,
    )


def _parts(need: MemoryNeed, room: MemoryRoom) -> str:
    parts = (
        *(_said(term) for term in need.terms(gpus_used(need, room))),
        *(f"not counted: {what}" for what in need.left_out),
    )
    return "; ".join(parts)


def _said(term: Term) -> str:
    return f"{TERMS[term.kind]} {term.amount}: {term.says}"


def _evidence(need: MemoryNeed, room: MemoryRoom, config: EffectiveConfig) -> Iterator[Evidence]:
    split = config.setting("model", "gpu_split")
    if room.limits and split:
        wanted = f"{gib(total(need, room).low)} GiB or more in all"
        yield Evidence(split.origin.where, wanted, f"model.gpu_split: {split.value}")
    for model in (need.model, need.draft):
        if model:
            yield Evidence(model.path, actual=f"weights of {model.weights}")
    yield _context(need, config)
    for gpu in room.gpus:
        free, size = gib(gpu.free_bytes or 0), gib(gpu.total_bytes or 0)
        yield Evidence(f"NVML, GPU {gpu.index}", actual=f"{free} of {size} GiB free")
    yield from (_holding(holder) for holder in room.holders[:_SHOWN])


def _context(need: MemoryNeed, config: EffectiveConfig) -> Evidence:
    """What sets the size of the cache."""
    for key in ("cache_size", "max_seq_len"):
        setting = config.setting("model", key)
        tokens = token_count(setting.value) if setting else 0
        if setting and tokens:
            return Evidence(setting.origin.where, actual=f"model.{key}: {tokens}")
    named = config.setting("model", "model_name")
    return Evidence(
        named.origin.where if named else need.model.path,
        "model.cache_size set, or model.max_seq_len",
        f"neither is: {need.tokens_shown} by default",
    )


def _holding(holder: MemoryHolder) -> Evidence:
    amount = f"{gib(holder.used_bytes)} GiB" if holder.used_bytes else "memory"
    who = f"{holder.name}, process {holder.pid}" if holder.name else f"process {holder.pid}"
    unit = f" of {holder.unit}" if holder.unit else ""
    return Evidence(f"NVML, GPU {holder.gpu}", actual=f"{who}{unit}, holds {amount}")
