"""Which GPUs TabbyAPI uses: CUDA_VISIBLE_DEVICES, and the shares of model.gpu_split."""

from __future__ import annotations

from collections.abc import Iterable

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.facts import Unknown
from tabbydoctor.gpu.visible import VARIABLE, in_bus_order, named_instances, visible_gpus
from tabbydoctor.host import NvmlState
from tabbydoctor.host.data import NvmlGpu
from tabbydoctor.tabbyapi.config import EffectiveConfig


def used_among(
    gpus: Iterable[NvmlGpu], state: NvmlState, instance: Instance, config: EffectiveConfig | None
) -> list[NvmlGpu]:
    """Those of these GPUs that TabbyAPI uses; a share of 0 leaves one out.

    Raises Unknown where it uses only some of the machine's, and it cannot be told which.
    """
    asked = list(gpus)
    if not asked:
        return []
    mig = named_instances(instance.environment)
    if mig:
        return [gpu for gpu in asked if set(mig) & set(gpu.condition.mig_uuids or ())]
    visible = visible_gpus(state, instance.environment)
    split = config.value("model", "gpu_split") if config else None
    used = visible and _with_a_share(visible, split)
    if used is not None and len(used) == len(state.gpus):
        return asked
    numbered = instance.environment.get(VARIABLE, "").lstrip()[:1].isdecimal()
    by_number = numbered or used != visible
    if used is None or (by_number and not in_bus_order(state, instance.environment)):
        raise Unknown(f"which GPUs {VARIABLE} means: set CUDA_DEVICE_ORDER=PCI_BUS_ID")
    return [gpu for gpu in asked if gpu in used]


def _with_a_share(visible: tuple[NvmlGpu, ...], split: object) -> tuple[NvmlGpu, ...]:
    """The GPUs whose share is above 0; a single GPU needs none (TabbyAPI ignores it then)."""
    if not isinstance(split, list) or not split or len(visible) < 2:
        return visible
    shares = zip(visible, split, strict=False)
    return tuple(gpu for gpu, share in shares if isinstance(share, int | float) and share > 0)
