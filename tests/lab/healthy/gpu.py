"""Healthy variants: how much of the GPU's memory is taken, and by what."""

from __future__ import annotations

from tests.lab.deployment import Deployment
from tests.lab.faults.fault import set_unit, write_config
from tests.lab.faults.gpu import RESTRICTED, restrict
from tests.lab.gpu import CUDA, give_exllamav3, give_model, give_work, kernel_says
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


@variant(
    "cards of many kinds",
    doctor_env={
        "STUB_NVML_CARDS": "name=NVIDIA RTX 4080 Laptop GPU;cc=89;slowed=0x60;busy=99;temp=87"
        "|name=NVIDIA A100;cc=80;ecc=0;rows=0;pages=0;slowed=0x1|cc=86;slowed=0x4;busy=99;temp=83"
    },
    stand_in=LOADS,
)
def of_many_kinds(d: Deployment) -> None:
    give_work(d)


@variant(
    "an instance of MIG of its own",
    doctor_env={"STUB_NVML_CARDS": "name=NVIDIA A100;cc=80;mig=1;instances=2;ecc=0"},
    stand_in=LOADS,
)
def an_instance(d: Deployment) -> None:
    give_work(d)
    set_unit(d, "Environment=CUDA_VISIBLE_DEVICES=MIG-00000000-0000-0000-0000-000000000002")


@variant(
    "an old and ailing card left out by its share",
    doctor_env={"STUB_NVML_CARDS": "cc=86|name=Tesla P40;cc=61;ecc=9;pages=1;mode=2"},
    stand_in=LOADS,
)
def left_out(d: Deployment) -> None:
    """And the kernel has logged its errors."""
    give_work(d)
    text = d.machine.read(d.config)
    write_config(d, text.replace("tiny-exl3", "tiny-exl3\n  gpu_split: [20, 0]"))
    set_unit(d, "Environment=CUDA_DEVICE_ORDER=PCI_BUS_ID")
    kernel_says(d, "NVRM: Xid (PCI:0000:02:00): 48, pid=1, name=other, Ch 00000000")


@variant("a GPU that it has to itself", doctor_env={"STUB_NVML_CARDS": "mode=3"}, stand_in=LOADS)
def to_itself(d: Deployment) -> None:
    give_work(d)


@variant(
    "a driver that refuses the doctor alone", doctor_env={"STUB_NVML_INIT": "999"}, stand_in=LOADS
)
def refuses_the_doctor(d: Deployment) -> None:
    give_work(d)


@variant("nodes for the group of the unit", stand_in=LOADS)
def group_of_the_unit(d: Deployment) -> None:
    give_work(d)
    restrict(d)
    set_unit(d, f"SupplementaryGroups={RESTRICTED}")


@variant("libcuda in a directory of the unit's own", stand_in=LOADS)
def library_path(d: Deployment) -> None:
    give_work(d)
    d.machine.run(["sh", "-c", f"mkdir /opt/cuda && mv {CUDA} /opt/cuda/ && ldconfig"])
    set_unit(d, "Environment=LD_LIBRARY_PATH=/opt/cuda")


@variant("a GPU that was reset after an error of its firmware", stand_in=LOADS)
def reset_since(d: Deployment) -> None:
    """TabbyAPI is started after it, and has loaded its model."""
    give_work(d)
    line = "NVRM: Xid (PCI:0000:01:00): 119, pid=1, name=python, Timeout after 6s"
    kernel_says(d, line, seconds_ago=60)


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
