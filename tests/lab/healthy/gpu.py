"""Healthy variants: how much of the GPU's memory is taken, and by what."""

from __future__ import annotations

from tests.lab.deployment import Deployment
from tests.lab.faults.fault import write_config
from tests.lab.gpu import give_model, give_work
from tests.lab.healthy.variant import variant

LOADS = "it loads a model"


@variant(
    "a loaded model that fills its GPU", doctor_env={"STUB_NVML_FREE_MIB": "300"}, stand_in=LOADS
)
def filled(d: Deployment) -> None:
    give_work(d)
    give_model(d, gib=21)


@variant("a loaded model that the estimate takes for too large", stand_in=LOADS)
def larger_than_thought(d: Deployment) -> None:
    give_work(d)
    give_model(d, gib=40)


@variant(
    "a small cache beside another process",
    doctor_env={"STUB_NVML_FREE_MIB": "500", "STUB_NVML_PID": "1"},
    stand_in=LOADS,
)
def beside_another(d: Deployment) -> None:
    give_work(d)
    text = d.machine.read(d.config)
    write_config(d, text.replace("tiny-exl3", "tiny-exl3\n  cache_size: 4096\n  cache_mode: Q4"))
