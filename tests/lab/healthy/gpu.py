"""Healthy variants: how much of the GPU's memory is taken, and by what."""

from __future__ import annotations

from tests.lab.deployment import Deployment
from tests.lab.faults.fault import write_config
from tests.lab.gpu import give_exllamav3, give_model, give_work
from tests.lab.healthy.variant import variant
from tests.model_files import index, safetensors

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


@variant("a model in parts, with the index of what it was made from", stand_in=LOADS)
def in_parts(d: Deployment) -> None:
    give_work(d)
    give_exllamav3(d, "LlamaForCausalLM")
    directory = d.directory / "models/tiny-exl3"
    d.machine.remove(directory / "model.safetensors")
    for part in (1, 2):
        weights = safetensors({f"model.layers.{part}.mlp.up_proj.trellis": 64})
        d.machine.write(directory / f"model-0000{part}-of-00002.safetensors", weights)
    old = index(*(f"model-{part:05}-of-00030.safetensors" for part in range(1, 31)))
    d.machine.write(directory / "model.safetensors.index.json", old)


@variant("a model that root has put there, open to all", stand_in=LOADS)
def of_root(d: Deployment) -> None:
    give_work(d)
    d.machine.run(["chown", "-R", "root:root", str(d.directory / "models/tiny-exl3")])
