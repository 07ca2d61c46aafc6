"""Every fault that NVML tells, through the real pynvml and a stub library; and healthy cards."""

from __future__ import annotations

import ctypes
import inspect
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import get_args, get_type_hints

import pynvml
import pytest

from checks.gpu.compute_capability import compute_capability
from checks.gpu.compute_mode import compute_mode
from checks.gpu.driver_mismatch import driver_mismatch
from checks.gpu.driver_missing import driver_missing
from checks.gpu.driver_too_old import driver_too_old
from checks.gpu.gpu_absent import gpu_absent
from checks.gpu.memory_errors import memory_errors
from checks.gpu.mig import mig
from checks.gpu.slowed_down import slowed_down
from tabbydoctor.api import Absent, Check, Finding, Severity, Unknown
from tabbydoctor.deployment.parts import Instance, Machine, ProcessTable
from tabbydoctor.gpu.cuda_use import CudaUse
from tabbydoctor.gpu.driver import DeviceNodes, Driver
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.gpu.torch import PythonEnvironment, TorchBuild
from tabbydoctor.host import nvml
from tabbydoctor.host.data import Process
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.installation import Installation
from tests.checks.gpu.machine_tree import LINUX, NEED, configured, service
from tests.stub_nvml import build_library

TORCH = PythonEnvironment("/p", ("/s",), {}, TorchBuild("/s/torch/version.py", "2.9", "12.8"))
PRESENT = Installation("/srv/tabby", {}, "x", True, loads_exl2=False, loads_exl3=True)
OTHERS = ProcessTable((Process(77, ("python3", "train.py"), executable="/usr/bin/python3"),), ())
CHECKS = (
    *(driver_missing, driver_mismatch, gpu_absent, driver_too_old, compute_capability),
    *(mig, compute_mode, memory_errors, slowed_down),
)
A100 = "name=NVIDIA A100;cc=80;total=40960;free=40000;ecc=0;rows=0"
RTX = "name=NVIDIA GeForce RTX 3090;cc=86"
LAPTOP = "name=NVIDIA GeForce RTX 4080 Laptop GPU;cc=89"


@pytest.fixture(scope="module")
def library() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nvml-") as directory:
        yield build_library(Path(directory))


@pytest.fixture
def stub(library: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(pynvml, "nvmlLib", ctypes.CDLL(str(library)))
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    monkeypatch.setattr(pynvml, "_nvmlLib_refcount", 0)
    return monkeypatch


def _said(
    stub: pytest.MonkeyPatch,
    knobs: Mapping[str, str],
    instance: Instance | None = None,
    machine: Machine = LINUX,
    use: CudaUse = CudaUse(),  # noqa: B008 - frozen
    split: list[float] | None = None,
) -> dict[str, list[Finding]]:
    """What each check says, with NVML asked as the doctor does; unknown ones are left out."""
    for name, value in knobs.items():
        stub.setenv(f"STUB_NVML_{name}", value)
    state = nvml.read_nvml(nodes_present=True)
    facts: dict[object, object] = {
        GpuNeed: NEED,
        Instance: instance or service(),
        Driver: Driver(state, module_version="580.95.05", module_live=True),
        Machine: machine,
        DeviceNodes: DeviceNodes(),
        CudaUse: use,
        EffectiveConfig: configured(split),
        PythonEnvironment: TORCH,
        Installation: PRESENT,
        ProcessTable: OTHERS,
    }
    return {check.id: found for check in CHECKS if (found := _judged(check, facts))}


def _judged(check: Check, facts: Mapping[object, object]) -> list[Finding]:
    asked = get_type_hints(inspect.unwrap(check.judge))
    asked.pop("return")
    kinds = {name: (get_args(kind) or (kind,))[0] for name, kind in asked.items()}
    given = {name: facts.get(kind) for name, kind in kinds.items()}
    try:
        return list(check.judge(**given))
    except (Absent, Unknown):
        return []


FAULTS = [
    ({"INIT": "18"}, "GPU002", "differ"),
    ({"COUNT": "0"}, "GPU003", "sees no GPU"),
    ({"COUNTING": "15"}, "GPU003", "GPU 0 is lost"),
    ({"HANDLE": "15"}, "GPU003", "GPU 0 is lost"),
    ({"CARDS": f"{RTX}|{RTX};lost=3"}, "GPU003", "GPU 1 (NVIDIA GeForce RTX 3090) is lost"),
    ({"CARDS": f"{RTX};lost=0"}, "GPU003", "GPU 0 is lost"),
    ({"DEVICE": "16"}, "GPU003", "needs a reset"),
    ({"HANDLE": "999"}, "GPU003", "does not answer"),
    ({"DRIVER": "470.256.02"}, "GPU004", "too old"),
    ({"CARDS": f"{RTX}|name=Tesla V100;cc=70"}, "GPU005", "GPU 1 (Tesla V100)"),
    ({"CARDS": f"{A100};mig=1"}, "GPU010", "no instance"),
    ({"CARDS": f"{A100};mig=1|{A100};mig=1"}, "GPU010", "no instance"),
    ({"CARDS": f"{RTX};mode=2"}, "GPU011", "prohibited"),
    ({"CARDS": f"{RTX};mode=3;pid=77"}, "GPU011", "exclusive, and python3 (process 77) has it"),
    ({"CARDS": f"{RTX};mode=1;pid=88"}, "GPU011", "exclusive, and process 88 has it"),
    ({"CARDS": f"{A100};ecc=2"}, "GPU012", "memory errors"),
    ({"CARDS": f"{A100};rows=1"}, "GPU012", "waits for a reset"),
    ({"CARDS": "name=Tesla P40;cc=86;ecc=0;pages=1"}, "GPU012", "waits for a reset"),
    ({"CARDS": f"{A100};failed=1"}, "GPU012", "could not be taken out of use"),
    ({"CARDS": f"{RTX};slowed=0x48;busy=98;temp=96"}, "GPU013", "slowed down by heat"),
    ({"CARDS": f"{RTX};slowed=0x88;busy=98"}, "GPU013", "its power supply"),
    ({"CARDS": f"{RTX};slowed=0x8;busy=98"}, "GPU013", "heat or its power supply"),
]


@pytest.mark.parametrize(("knobs", "id", "words"), FAULTS)
def test_each_fault(stub: pytest.MonkeyPatch, knobs: dict[str, str], id: str, words: str) -> None:
    said = _said(stub, knobs)
    assert list(said) == [id]
    assert words in said[id][0].title


HEALTHY = [
    {},
    {"COUNT": "8"},
    {"CARDS": RTX},
    {"CARDS": f"{RTX};slowed=0x1"},
    {"CARDS": f"{RTX};slowed=0x41;busy=0"},  # idle, and warm from before
    {"CARDS": f"{RTX};slowed=0x4;busy=99;temp=83"},  # at its power limit
    {"CARDS": f"{RTX};slowed=0x2;busy=99"},  # clocks set by hand
    {"CARDS": f"{LAPTOP};slowed=0x60;busy=99;temp=87"},
    {"CARDS": f"{LAPTOP};slowed=0x88;busy=4"},  # on battery
    {"CARDS": f"{A100};pid=77"},
    {"CARDS": f"{A100};mig=0|{A100};mig=1;instances=2"},
    {"CARDS": f"{A100};ecc=0;pages=0;rows=0;failed=0"},
    {"CARDS": f"{RTX};mode=3"},  # its own from now on
    {"CARDS": f"{RTX};grows=9;pid=77"},
    {"CARDS": "error=3"},  # a card that answers nothing
]


@pytest.mark.parametrize("knobs", HEALTHY)
def test_healthy_cards(stub: pytest.MonkeyPatch, knobs: dict[str, str]) -> None:
    assert _said(stub, knobs) == {}


@pytest.mark.parametrize("fault", ["mode=2", "ecc=2", "rows=1", "slowed=0x48;busy=98", "mig=1"])
def test_a_card_that_is_not_used(stub: pytest.MonkeyPatch, fault: str) -> None:
    knobs = {"CARDS": f"{RTX}|{A100};{fault}"}
    assert _said(stub, knobs, service({"CUDA_VISIBLE_DEVICES": "GPU-00000000"})) == {}
    by_number = {"CUDA_VISIBLE_DEVICES": "0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert _said(stub, knobs, service(by_number)) == {}
    in_order = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert _said(stub, knobs, service(in_order), split=[22, 0]) == {}
    # By number alone nobody knows which of unlike cards is meant: nothing is said.
    assert _said(stub, knobs, service({"CUDA_VISIBLE_DEVICES": "0"})) == {}


def test_heat_that_the_driver_handles_is_a_remark(stub: pytest.MonkeyPatch) -> None:
    said = _said(stub, {"CARDS": f"{RTX};slowed=0x20;busy=99;temp=84"})
    assert [one.severity for one in said["GPU013"]] == [Severity.INFO]


def test_mig_beside_a_whole_gpu_is_a_warning(stub: pytest.MonkeyPatch) -> None:
    (finding,) = _said(stub, {"CARDS": f"{A100};mig=1|{A100};mig=0"})["GPU010"]
    assert finding.severity is Severity.WARNING
    assert finding.remedies[0].commands[0] == "sudo nvidia-smi mig -i 0 -cgi 0 -C"
    assert finding.remedies[0].commands[1] == "sudo systemctl restart tabbyapi.service"


def test_an_instance_that_is_not_there(stub: pytest.MonkeyPatch) -> None:
    instance = service({"CUDA_VISIBLE_DEVICES": "MIG-5c1e0000-1111-2222-3333-444444444444"})
    (finding,) = _said(stub, {"CARDS": f"{A100};mig=1;instances=1"}, instance)["GPU010"]
    assert "names the MIG instance MIG-5c1e" in finding.title
    assert "CUDA_VISIBLE_DEVICES=MIG-00000000" in finding.remedies[0].commands[1]
    (finding,) = _said(stub, {"CARDS": f"{A100};mig=1;instances=3"}, instance)["GPU010"]
    assert finding.remedies[0].commands == ("nvidia-smi -L",)
    (finding,) = _said(stub, {"CARDS": f"{A100};mig=0"}, instance)["GPU010"]
    assert "an instance that exists" in str(finding.evidence)


def test_an_instance_that_is_there(stub: pytest.MonkeyPatch) -> None:
    uuid = "MIG-00000000-0000-0000-0000-000000000001"
    knobs = {"CARDS": f"{A100};mig=1;instances=1"}
    assert _said(stub, knobs, service({"CUDA_VISIBLE_DEVICES": uuid})) == {}
    # The older form names a place; nobody can compare it.
    by_place = "MIG-GPU-00000000-0000-0000-0000-000000000000/1/0"
    assert _said(stub, knobs, service({"CUDA_VISIBLE_DEVICES": by_place})) == {}


def test_what_tabbyapi_itself_uses_is_no_fault(stub: pytest.MonkeyPatch) -> None:
    """Its own process has the exclusive GPU."""
    knobs = {"CARDS": f"{RTX};mode=3;pid=77"}
    own = replace(service(), process=OTHERS.processes[0])
    assert _said(stub, knobs, own) == {}
    assert _said(stub, knobs, use=CudaUse(works="it has loaded Example")) == {}
    inside = replace(LINUX, container="docker")
    assert _said(stub, knobs, machine=inside) == {}


@pytest.mark.parametrize("code", ["4", "17", "999"])
def test_refused_to_the_doctor_alone(stub: pytest.MonkeyPatch, code: str) -> None:
    """TabbyAPI has its model on the GPU, or says nothing: then nothing is known."""
    assert _said(stub, {"INIT": code}, use=CudaUse(works="it has loaded Example")) == {}
    assert _said(stub, {"INIT": code}) == {}
