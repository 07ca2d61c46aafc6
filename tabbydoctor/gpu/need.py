"""Whether this TabbyAPI needs an NVIDIA GPU at all: without the need, none of it is looked at."""

from __future__ import annotations

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.facts import Absent
from tabbydoctor.gpu.torch import PythonEnvironment
from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.config import EffectiveConfig


@dataclass(frozen=True, slots=True)
class GpuNeed:
    """This TabbyAPI needs an NVIDIA GPU. `reason` says how that is known."""

    reason: str


def gpu_need(
    instance: Instance, config: EffectiveConfig | None, environment: PythonEnvironment | None
) -> GpuNeed:
    """Whether this TabbyAPI needs an NVIDIA GPU. Raises Absent, with the reason, where not."""
    reason = why_gpu(instance, config, environment)
    if environment and environment.torch and environment.torch.hip:
        raise Absent("torch is built for ROCm in TabbyAPI's environment")
    return GpuNeed(reason)


def why_gpu(
    instance: Instance, config: EffectiveConfig | None, environment: PythonEnvironment | None
) -> str:
    """Why this TabbyAPI needs a GPU of any make. Raises Absent, with the reason, where not."""
    model = config.value("model", "model_name") if config else None
    if model:
        return f"the model {model} is configured"
    if config and config.value("developer", "unsafe_launch"):
        raise Absent("unsafe_launch without a model needs no GPU")
    if environment and environment.torch:
        return f"torch is in the environment of {instance.name}"
    raise Absent("no model is configured and torch is not in TabbyAPI's environment")


GATHERERS = (gpu_need,)
