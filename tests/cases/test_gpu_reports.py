"""Reports of others, of servers that found no GPU, written anew: the cause is the first root.

The sources are public threads; each has the line that was logged, and what was wrong in the end.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tabbydoctor.deployment.parts import Machine
from tabbydoctor.host.data import NvmlCondition, NvmlProcess
from tabbydoctor.targets import Targets

from .gpu_scene import A100, RTX, WORKS, GpuScene, refused
from .scene import FRAGMENT, RUNNING, SERVER, TABBY, serving, told

NO_GPUS = "RuntimeError: No CUDA GPUs are available"
UNKNOWN = (
    "UserWarning: CUDA initialization: CUDA unknown error - this may be due to an incorrectly set "
    "up environment, e.g. changing env variable CUDA_VISIBLE_DEVICES after program start."
)
NO_DRIVER = (
    "RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU"
)
BUSY = "torch.AcceleratorError: CUDA error: all CUDA-capable devices are busy or unavailable"
ECC = "torch.AcceleratorError: CUDA error: uncorrectable ECC error encountered"
INSIDE = Machine(systemd=False, root=True, container="docker")


@pytest.fixture
def scene(tmp_path: Path) -> GpuScene:
    scene = GpuScene(tmp_path)
    scene.endpoint = serving()
    return scene


def inside(scene: GpuScene, line: str) -> None:
    """The doctor runs beside TabbyAPI in its container: no unit, the log is a file."""
    scene.targets = Targets(dir=TABBY)
    scene.write(f"{TABBY}/logs/run.log", f"{line}\n")
    scene.ends_with()


def test_a_healthy_gpu_is_silent(scene: GpuScene) -> None:
    scene.processes = (SERVER,)
    said = scene.examine()
    assert said.ids == []
    judged = {result.check.id: result.status for result in said.results}
    assert {judged[f"GPU0{number:02}"] for number in (*range(1, 4), 6, 7, *range(10, 15))} == {
        "passed"
    }


def test_after_suspend(scene: GpuScene) -> None:
    """pytorch/pytorch 49081 and 88639: nvidia_uvm had to be loaded anew."""
    scene.ends_with(UNKNOWN, NO_GPUS.replace("No CUDA GPUs are available", "CUDA unknown error"))
    said = scene.examine()
    assert said.ids == ["GPU006"]
    assert "modprobe -r nvidia_uvm" in told(said.finding("GPU006"))
    assert {"SVC002", "SVC011", "API001"} <= set(said.explains("GPU006"))


def test_no_uvm_node_in_a_container(scene: GpuScene) -> None:
    """pytorch/pytorch 49081, podman: the nodes had to be made on the host."""
    scene.without("/dev/nvidia-uvm")
    scene.machine = replace(INSIDE, container="podman")
    inside(scene, UNKNOWN)
    finding = scene.examine().finding("GPU006")
    assert "On the host" in finding.remedies[0].title


@pytest.mark.parametrize("container", ["docker", None])
def test_a_container_that_lost_its_gpu(scene: GpuScene, container: str | None) -> None:
    """NVIDIA/nvidia-container-toolkit 48, 251 and 1227: `systemctl daemon-reload` on the host."""
    scene.nvml, scene.machine = refused(999), replace(INSIDE, container=container)
    inside(scene, NO_GPUS)
    said = scene.examine()
    assert said.ids[0] == "GPU001"
    assert "recreate the container" in said.finding("GPU001").remedies[0].title
    assert "SVC011" in said.explains("GPU001")


def test_nvml_that_refuses_the_doctor_alone(scene: GpuScene) -> None:
    scene.nvml, scene.processes = refused(999), (SERVER,)
    said = scene.examine()
    assert said.ids == []


def test_a_variable_that_names_the_wrong_gpu(scene: GpuScene) -> None:
    """Grace9994/CoMoSVC 6, xianlin7/SAMUS 39: CUDA_VISIBLE_DEVICES=1 on a machine with one GPU."""
    scene.unit = FRAGMENT.replace("User=", "Environment=CUDA_VISIBLE_DEVICES=1\nUser=")
    scene.ends_with(NO_GPUS)
    said = scene.examine()
    assert said.ids == ["GPU003"]
    assert "UnsetEnvironment=CUDA_VISIBLE_DEVICES" in told(said.finding("GPU003"))


def test_the_driver_without_cudas_library(scene: GpuScene) -> None:
    """pytorch/pytorch 74733: nvidia-smi worked, libcuda.so.1 was a package of its own."""
    scene.without("/usr/lib/x86_64-linux-gnu/libcuda.so.1")
    scene.write("/etc/os-release", "ID=debian\n")
    scene.ends_with(NO_DRIVER)
    said = scene.examine()
    assert said.ids == ["GPU014"]
    assert said.finding("GPU014").remedies[0].commands[0] == "sudo apt-get install libcuda1"


def test_a_linux_driver_under_wsl(scene: GpuScene) -> None:
    """NVIDIA/cuml 6218: cuInit found no device, for a driver of Linux stood in the way."""
    scene.machine = replace(scene.machine, wsl=True)
    scene.ends_with("RuntimeError: no CUDA-capable device is detected")
    said = scene.examine()
    assert said.ids == ["GPU014"]
    assert "purge" in told(said.finding("GPU014"))


def test_mig_after_a_reboot(scene: GpuScene) -> None:
    """ggml-org/llama.cpp 3520: MIG was on, and its instances were named anew."""
    split = replace(A100, condition=NvmlCondition(mig=True, mig_uuids=()))
    scene.nvml = replace(WORKS, gpus=(split,))
    scene.ends_with(NO_GPUS)
    said = scene.examine()
    assert said.ids == ["GPU010"]
    scene.nvml = replace(
        WORKS, gpus=(replace(split, condition=NvmlCondition(mig=True, mig_uuids=("MIG-new",))),)
    )
    scene.unit = FRAGMENT.replace("User=", "Environment=CUDA_VISIBLE_DEVICES=MIG-old\nUser=")
    said = scene.examine()
    assert said.ids == ["GPU010"]
    assert "CUDA_VISIBLE_DEVICES=MIG-new" in told(said.finding("GPU010"))


def test_a_gpu_for_one_process_alone(scene: GpuScene) -> None:
    """NVIDIA/DIGITS 2005, pytorch/pytorch 3871: E. Process, and another program had it."""
    taken = replace(
        RTX, condition=NvmlCondition(compute_mode=3), processes=(NvmlProcess(77, 74 << 20),)
    )
    scene.nvml = replace(WORKS, gpus=(taken,))
    scene.ends_with(BUSY)
    said = scene.examine()
    assert said.ids == ["GPU011"]
    assert "sudo nvidia-smi -i 0 -c DEFAULT" in told(said.finding("GPU011"))


def test_an_uncorrectable_memory_error(scene: GpuScene) -> None:
    """vllm-project/vllm 5222, sgl-project/sglang 3204: hardware; a reset or reboot helped some."""
    bad = replace(A100, condition=NvmlCondition(uncorrected_errors=1, rows_pending=True))
    scene.nvml = replace(WORKS, gpus=(bad,))
    scene.kernel = ("NVRM: Xid (PCI:0000:01:00): 94, pid=1234, name=python, Contained: CE",)
    scene.state, scene.log = RUNNING, (ECC,)
    said = scene.examine()
    assert said.ids[0] == "GPU012"
    assert "SVC011" in said.explains("GPU012")


def test_a_gpu_that_fell_off_the_bus(scene: GpuScene) -> None:
    scene.nvml = replace(WORKS, gpus=(replace(RTX, error=15),))
    scene.kernel = ("NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus.",)
    scene.ends_with("torch.AcceleratorError: CUDA error: unspecified launch failure")
    said = scene.examine()
    assert said.ids == ["GPU007"]
    assert "GPU003" in said.explains("GPU007")


@pytest.mark.parametrize(
    "line",
    [
        "RuntimeError: cuda runtime error (802) : system not yet initialized",
        "Unexpected error from cudaGetDeviceCount(). Error 802: system not yet initialized",
    ],
)
def test_a_fabric_manager_that_does_not_run(scene: GpuScene, line: str) -> None:
    """torch/torch7 1219: GPUs with an NVSwitch."""
    scene.ends_with(line)
    said = scene.examine()
    assert said.ids == ["SVC011"]
    assert "start nvidia-fabricmanager" in told(said.finding("SVC011"))


def test_nodes_for_a_group(scene: GpuScene) -> None:
    """The service's account is not in the group of the nodes; nvidia-smi works for root."""
    for name, numbers in {"nvidiactl": (195, 255), "nvidia0": (195, 0)}.items():
        scene.node(name, numbers, 0o660, 44)
    scene.ends_with(NO_GPUS)
    assert scene.examine().ids == ["GRP001"]


def test_a_stuck_module_is_not_blamed_where_a_node_is_denied(scene: GpuScene) -> None:
    scene.node("nvidia-uvm", (234, 0), 0o660, 44)
    scene.ends_with(UNKNOWN)
    said = scene.examine()
    assert said.ids == ["GRP001"]
    assert "GPU006" in said.explains("GRP001")


def test_a_driver_that_answers_nobody(scene: GpuScene) -> None:
    """The GPU's own firmware stood still: the Xid is the root."""
    scene.nvml = refused(999)
    scene.kernel = ("NVRM: Xid (PCI:0000:01:00): 119, pid=1, name=python, Timeout after 6s",)
    scene.ends_with(NO_GPUS)
    said = scene.examine()
    assert said.ids == ["GPU007"]
    assert "GPU001" in said.explains("GPU007")


@pytest.mark.parametrize("cards", [1, 2])
def test_memory_runs_out_on_the_one_gpu_that_it_is_shown(scene: GpuScene, cards: int) -> None:
    """theroyallab/tabbyAPI 250: a container with two GPUs, and torch counted one."""
    scene.nvml = replace(WORKS, gpus=tuple(replace(RTX, index=n) for n in range(cards)))
    scene.ends_with(
        "INFO:     Disabling GPU split because one GPU is in use.",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 136.00 MiB.",
    )
    finding = scene.examine().finding("SVC011")
    assert ("was shown one GPU" in finding.remedies[0].title) is (cards > 1)
    assert any("one GPU is in use" in str(one.actual) for one in finding.evidence) is (cards > 1)
