"""What `vram` writes."""

from __future__ import annotations

from typing import Any

from tabbydoctor.gpu.memory_need import DraftMode, TermKind
from tabbydoctor.gpu.placement import Fit
from tabbydoctor.reports.documents.base import Count, Document, DocumentPart


class AmountPart(DocumentPart):
    """An amount of memory between two bounds, in bytes."""

    low: Count
    """Surely so much."""
    high: Count
    """Hardly more."""


class TermPart(DocumentPart):
    """One part of what the model needs."""

    kind: TermKind
    """Which."""
    amount: AmountPart
    """How much, over all GPUs that are used."""
    says: str
    """What it is of, in words."""


class GpuPart(DocumentPart):
    """One GPU, and what it would take of the model."""

    index: Count
    """NVML's number, by the PCI bus."""
    cuda: Count | None
    """CUDA's number in TabbyAPI, as `gpu_split` counts; null where it is not certain."""
    name: str | None
    """What it is."""
    uuid: str | None
    """What names it in CUDA_VISIBLE_DEVICES whatever the order."""
    total: Count | None
    """Its memory in bytes; null where NVML does not tell."""
    free: Count | None
    """Free now, in bytes, with what TabbyAPI holds itself."""
    own: Count
    """What TabbyAPI holds itself, in bytes."""
    reserve: Count
    """What the automatic split keeps free, in bytes."""
    limit: Count | None
    """What `gpu_split` leaves of it, in bytes; null without one."""
    takes: AmountPart | None
    """The model's part; null where it is not used, or cannot be told."""


class HolderPart(DocumentPart):
    """A process of others that holds memory of a GPU."""

    gpu: Count
    """NVML's number."""
    pid: Count
    """Its process."""
    name: str | None
    """Its program; null where it may not be seen."""
    used: Count | None
    """In bytes; null where NVML does not tell."""
    unit: str | None
    """The system's unit it belongs to."""
    container: str | None
    """The container it runs in."""


class SettingChangePart(DocumentPart):
    """One setting to change."""

    section: str
    """The section of config.yml."""
    key: str
    """The key in it."""
    value: Any
    """What it would be."""


class SavingPart(DocumentPart):
    """What a change of the configuration would save."""

    settings: list[SettingChangePart]
    """The change."""
    where: str
    """Where the first of them is set, or would be."""
    saves: AmountPart
    """How much less the model then needs."""
    fits: Fit | None
    """Whether it then fits; null where that cannot be told."""


class WithoutSplitPart(DocumentPart):
    """The GPUs without `gpu_split`."""

    free: Count
    """What then is free, in bytes."""
    fits: Fit
    """Whether the model would then fit."""
    where: str
    """Where `gpu_split` is set."""


class LongestPart(DocumentPart):
    """The largest cache in one `cache_mode`."""

    cache_mode: str
    """The mode."""
    surely: Count
    """Tokens that fit by the high estimate; 0 where none do."""
    perhaps: Count
    """Tokens that fit by the low one."""


class OrderPart(DocumentPart):
    """Which GPUs CUDA's numbers mean."""

    certain: bool
    """Whether that is known: CUDA's default order is not NVML's."""
    visible: str | None
    """CUDA_VISIBLE_DEVICES as the service has it; null where it is not set."""
    told_by: str | None
    """Where that is set."""
    environment: list[str]
    """What makes it certain, as `NAME=value`; none where it is."""
    commands: list[str]
    """The commands that set that, or lines of configuration.nix on NixOS."""


class VramDocument(Document):
    """`vram --format json`: an estimate, nothing is loaded."""

    model: str
    """Its name."""
    path: str
    """Its directory."""
    verdict: str
    """The first line of the text."""
    fits: Fit | None
    """Whether it fits into what is free; null where that cannot be told."""
    unknown: str | None
    """Why the need is not known; null where it is."""
    at_most: Count | None
    """Bytes of the weights' files, where the need is not known."""
    known: list[str]
    """What config.json tells all the same, where the need is not known."""
    total: AmountPart | None
    """All terms together; null where the need is not known."""
    terms: list[TermPart]
    """What it is made of."""
    cache_tokens: list[Count]
    """The cache's tokens, at least and at most; none where the need is not known."""
    draft_mode: DraftMode | None
    """How it drafts: by a model, by its own layers (mtp), by n-grams; null where it does not."""
    assumed: list[str]
    """What was taken for granted."""
    left_out: list[str]
    """What could not be estimated."""
    no_gpu: str | None
    """Why there is no GPU to hold it against; null where there is one."""
    gpus: list[GpuPart]
    """The GPUs that TabbyAPI sees, in CUDA's order where that is certain."""
    gpu_split: bool
    """Whether `gpu_split` leaves less than the GPUs have."""
    without_split: WithoutSplitPart | None
    """What there would be without it; null where it leaves no less."""
    tensor_parallel: bool
    """Whether each layer is divided over all GPUs: each one's part is then an average."""
    holders: list[HolderPart]
    """What else holds memory, those that hold most first."""
    order: OrderPart | None
    """Null where there is no GPU."""
    longest: list[LongestPart]
    """The largest caches that fit; none where that cannot be told."""
    largest_weights: Count | None
    """Bytes that weights may take beside a small cache, where none fits beside those of this
    model; else null."""
    savings: list[SavingPart]
    """What each change would save."""
