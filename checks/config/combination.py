"""Settings of the configuration that cancel or limit each other.

## What it checks
- `inline_model_loading` with settings of `model:` that are not named in `use_as_default`;
- names in `use_as_default` that are no settings of a model;
- `gpu_split` with more shares than there are GPUs, a share above its GPU, or less in all than the
  model needs (then GPU008 says how much);
- a `max_seq_len` above `cache_size`;
- neither of the two, where the installed version then takes less than the model can (a remark).

## Why it matters
TabbyAPI starts and says nothing, or a line in its log. A model that a request loads then has
another context and another cache than the file says (usually more memory); a model that does not
fit ends with `Insufficient VRAM in split`; requests are cut short.

## How it is told
With inline loading the values of `model:` hold for the model that is loaded at the start. Later
ones get those named in `use_as_default`, and what their own `tabby_config.yml` sets. Settings are
counted that say how a model is loaded (without `model_name` those of one model, too, such as
`reasoning` and `tool_format`), where they differ from the default, and some other model is without
them. A share of 0 leaves a GPU out, and a single GPU has no split: both are right.

## What to do
Name the settings in `use_as_default`; raise or take out `gpu_split` (TabbyAPI then splits by
itself); make `cache_size` at least `max_seq_len`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from tabbydoctor.api import Evidence, Finding, Severity, check
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.gpu.backend import Backend
from tabbydoctor.gpu.byte_range import GIB, gib
from tabbydoctor.gpu.memory_need import MemoryNeed
from tabbydoctor.gpu.usable_room import UsableRoom
from tabbydoctor.tabbyapi.config import EffectiveConfig, Setting
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.keys import TABLE
from tabbydoctor.tabbyapi.model_overrides import ModelOverrides

from . import edit
from .unset_context import unset_context

_HOW_LOADED = (
    *("max_seq_len", "cache_size", "cache_mode", "tensor_parallel", "tensor_parallel_backend"),
    *("gpu_split_auto", "autosplit_reserve", "gpu_split", "cpu_moe_offload_layers"),
    *("chunk_size", "output_chunking", "max_batch_size"),
)
"""Settings of `model:` that are about the machine, not about one model."""
_OF_ONE_MODEL = (
    *("rope_scale", "rope_alpha", "prompt_template", "vision", "reasoning", "tool_format"),
    *("reasoning_start_token", "reasoning_end_token", "start_in_reasoning", "harmony"),
    *("template_vars_default", "template_vars_force", "force_enable_thinking"),
)
"""Those of one model: they do nothing at all where none is loaded at the start."""


@check("CFG015", "config-combination", category="config", severity=Severity.WARNING)
def combination(
    config: EffectiveConfig,
    installation: Installation,
    instance: Instance,
    overrides: ModelOverrides | None,
    need: MemoryNeed | None,
    room: UsableRoom | None,
    machine: Machine | None,
    backend: Backend | None = None,
) -> Iterator[Finding]:
    told = _Telling(config, installation, instance, machine)
    yield from told.inline(overrides)
    yield from told.unknown_defaults()
    if room is not None:
        yield from told.split(need, room)
    yield from told.context()
    if backend and backend.required and backend.default_cache != "max_seq_len":
        yield from unset_context(config, need, instance, machine)


class _Telling:
    """Says what was found in one deployment."""

    def __init__(
        self,
        config: EffectiveConfig,
        installation: Installation,
        instance: Instance,
        machine: Machine | None,
    ) -> None:
        self.config, self.installation = config, installation
        self.instance, self.machine = instance, machine

    def inline(self, overrides: ModelOverrides | None) -> Iterator[Finding]:
        switch = self._setting("inline_model_loading")
        named = self._setting("use_as_default")
        if switch is None or switch.value is not True or named is None:
            return
        names = named.value if isinstance(named.value, list) else []
        left = [one for one in self._given() if one.key not in names]
        if not left or not self._others_without(left, overrides):
            return
        keys = [one.key for one in left]
        wanted = [*names, *keys]
        yield Finding(
            f"With inline loading {_listed(keys)} of config.yml "
            f"{'hold' if len(keys) > 1 else 'holds'} for the first model only",
            "A model that a request loads gets what use_as_default names, and what its own "
            "tabby_config.yml sets; of the rest, TabbyAPI's defaults."
            + ("" if self.config.value("model", "model_name") else _NONE_FIRST),
            (
                Evidence(switch.origin.where, None, "model.inline_model_loading: true"),
                Evidence(
                    named.origin.where if names else switch.origin.where,
                    f"model.use_as_default: {json.dumps(wanted)}",
                    f"model.use_as_default: {json.dumps(names)}",
                ),
                *(Evidence(one.origin.where, None, f"{one.name}: {one.value}") for one in left),
            ),
            (
                edit(
                    f"Set use_as_default: {json.dumps(wanted)} under model:, or set them in each "
                    "model's tabby_config.yml",
                    named.origin if names else switch.origin,
                    self.instance,
                    {("model", "use_as_default"): wanted},
                    self.machine,
                ),
            ),
            severity=Severity.INFO if names else None,
        )

    def _given(self) -> Iterator[Setting]:
        """What says how a model is loaded, and differs from the default."""
        first = self.config.value("model", "model_name")
        for key in (*_HOW_LOADED, *(() if first else _OF_ONE_MODEL)):
            setting = self._setting(key)
            known = self.installation.keys.get(("model", key)) or TABLE["model", key]
            written = setting is not None and setting.origin.layer != "default"
            if setting and written and setting.value not in (None, known.default):
                yield setting

    def _others_without(self, left: Iterable[Setting], overrides: ModelOverrides | None) -> bool:
        """Whether a model may be loaded later that lacks one of them."""
        if overrides is None or not overrides.models:
            return True
        first = str(self.config.value("model", "model_name") or "")
        keys = {one.key for one in left}
        return any(keys - own for name, own in overrides.models.items() if name != first)

    def unknown_defaults(self) -> Iterator[Finding]:
        named = self._setting("use_as_default")
        names = named.value if named and isinstance(named.value, list) else []
        known = {key for section, key in self.config.settings if section in _OF_MODELS}
        unknown = [name for name in names if name not in known]
        if named is None or not unknown:
            return
        rest = [name for name in names if name in known]
        dropped = {item.key for item in self.config.ignored}
        yield Finding(
            f"use_as_default names {_listed(unknown)}, which TabbyAPI does not know",
            "TabbyAPI logs `invalid item` and goes on without it.",
            (Evidence(named.origin.where, "keys of model: or draft_model:", ", ".join(unknown)),),
            (
                edit(
                    f"Take {_listed(unknown)} out of model.use_as_default",
                    named.origin,
                    self.instance,
                    {("model", "use_as_default"): rest},
                    self.machine,
                ),
            ),
            caused_by=("CFG003",) if dropped >= {*unknown} else None,
        )

    def split(self, need: MemoryNeed | None, room: UsableRoom) -> Iterator[Finding]:
        split, whole = self._setting("gpu_split"), room.unsplit
        if split is None or whole is None or len(whole.gpus) < _SEVERAL:
            return
        yield from self._over(split, room)
        low = need.total(len(room.gpus)).low if need else 0
        if need and room.total < low <= whole.total:
            yield self._of_split(
                split,
                f"gpu_split leaves the model {gib(room.total)} GiB of the {gib(low)} it needs",
                f"{gib(low)} GiB or more in all",
                f"{whole.where} have {gib(whole.total)} GiB.",
                ("GPU008",),
            )

    def _over(self, split: Setting, room: UsableRoom) -> Iterator[Finding]:
        whole = room.unsplit
        assert whole is not None
        shares = [one if isinstance(one, int | float) else 0 for one in split.value]
        totals = [(gpu.total_bytes or 0) / GIB for gpu in whole.gpus]
        beyond = [share for share in shares[len(totals) :] if share > 0]
        if beyond:
            yield self._of_split(
                split,
                f"gpu_split has {len(shares)} shares, TabbyAPI sees {len(totals)} GPUs",
                f"{len(totals)} shares",
                "There is no GPU for the others.",
            )
            return
        largest = max(totals)
        limits = [largest] * len(totals) if room.unordered else totals
        for place, (share, limit) in enumerate(zip(shares, limits, strict=False)):
            if share > limit + _ROUNDED:
                yield self._of_split(
                    split,
                    f"gpu_split gives GPU {place} {share:g} GiB, it has {limit:.1f}",
                    f"{limit:.1f} GiB at most",
                    "No GPU gives more than it has: what is above it fits nowhere else.",
                )
                return

    def _of_split(
        self,
        split: Setting,
        title: str,
        expected: str,
        detail: str,
        caused_by: tuple[str, ...] | None = None,
    ) -> Finding:
        if split.value == list(range(len(split.value))):
            detail += f" {_NUMBERS}"
        return Finding(
            title,
            detail,
            (Evidence(split.origin.where, expected, f"model.gpu_split: {split.value}"),),
            (
                edit(
                    "Correct model.gpu_split, or take it out and let TabbyAPI split by itself "
                    "(gpu_split_auto: true)",
                    split.origin,
                    self.instance,
                    {("model", "gpu_split"): None, ("model", "gpu_split_auto"): True},
                    self.machine,
                ),
            ),
            caused_by=caused_by,
        )

    def context(self) -> Iterator[Finding]:
        length, size = self._setting("max_seq_len"), self._setting("cache_size")
        if not (length and size and isinstance(length.value, int) and isinstance(size.value, int)):
            return
        if not 0 < size.value < length.value:
            return
        tokens = -(-length.value // 256) * 256
        yield Finding(
            f"cache_size limits requests to {size.value} tokens, max_seq_len says {length.value}",
            "TabbyAPI takes the smaller for max_seq_len, with a line in its log; versions with "
            "ExLlamaV2 make the cache as large as max_seq_len instead.",
            (
                Evidence(length.origin.where, None, f"model.max_seq_len: {length.value}"),
                Evidence(
                    size.origin.where,
                    f"model.cache_size: {tokens} or more",
                    f"model.cache_size: {size.value}",
                ),
            ),
            (
                edit(
                    f"Set max_seq_len: {size.value}, which is what holds, or cache_size: {tokens} "
                    "(which takes more GPU memory) under model:",
                    length.origin,
                    self.instance,
                    {("model", "max_seq_len"): size.value},
                    self.machine,
                ),
            ),
        )

    def _setting(self, key: str) -> Setting | None:
        return self.config.setting("model", key)


_OF_MODELS = ("model", "draft_model")
_NONE_FIRST = " No model_name is set: so far they hold for none."
_NUMBERS = "It holds GB for each GPU in turn, not the numbers of GPUs: 0 leaves the first out."
_SEVERAL = 2
_ROUNDED = 1
"""GiB: a card sold as one of 24 GB has a little less, and is written as 24."""


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
