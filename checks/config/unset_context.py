"""The context that an older TabbyAPI takes where config.yml sets none."""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Severity
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.gpu.memory_need import MemoryNeed
from tabbydoctor.tabbyapi.config import EffectiveConfig

from . import edit


def unset_context(
    config: EffectiveConfig, need: MemoryNeed | None, instance: Instance, machine: Machine | None
) -> Iterator[Finding]:
    """Its default, where that is less than the model takes. The present release asks the model."""
    settings = [config.setting("model", key) for key in ("max_seq_len", "cache_size")]
    length = settings[0]
    most = need.model.layout.max_tokens if need else None
    if need is None or most is None or length is None or any(one and one.value for one in settings):
        return
    least, tokens = need.tokens
    if least != tokens or tokens >= most:
        return
    named = config.setting("model", "model_name") or length
    wanted = {("model", "max_seq_len"): most, ("model", "cache_size"): -(-most // 256) * 256}
    yield Finding(
        f"The context is {tokens} tokens, for neither max_seq_len nor cache_size is set",
        f"The installed TabbyAPI does not take it from the model, which says {most}.",
        (
            Evidence(f"{need.model.path}/config.json", None, f"max_position_embeddings: {most}"),
            Evidence(named.origin.where, "model.max_seq_len and model.cache_size", "not set"),
        ),
        (
            edit(
                f"Set max_seq_len and cache_size under model:, {most} at most (`tabbydoctor vram` "
                "tells what fits)",
                named.origin,
                instance,
                wanted,
                machine,
            ),
        ),
        severity=Severity.INFO,
    )
