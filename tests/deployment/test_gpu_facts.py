"""What the gatherers around the GPU read: the need, the environment, the driver, the log."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.gpu.driver import PciGpu
from tabbydoctor.gpu.kernel_log import kernel_log
from tabbydoctor.gpu.need import GpuNeed, gpu_need
from tabbydoctor.gpu.torch import PythonEnvironment, python_environment
from tabbydoctor.host.data import CommandResult
from tabbydoctor.tabbyapi.config import EffectiveConfig, Origin, Setting
from tests.checks.gpu.machine_tree import TreeHost, gpu_on_the_bus, loaded, unloaded

SERVER = Instance("/srv/tabby")
SITE = "/srv/tabby/venv/lib/python3.12/site-packages"
CUDA = """from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip']
__version__ = '2.9.0+cu128'
debug = False
cuda: Optional[str] = '12.8'
git_version = '0fabc3ba44823f257e70ce397d989c8de5e362c1'
hip: Optional[str] = None
"""


def _config(**values: object) -> EffectiveConfig:
    keys = {"model_name": "model", "unsafe_launch": "developer"}
    return EffectiveConfig(
        "/srv/tabby",
        {
            (keys[key], key): Setting(keys[key], key, value, Origin("default", "default"))
            for key, value in values.items()
        },
    )


def _environment(tmp_path: Path, version: str = CUDA) -> PythonEnvironment:
    host = TreeHost(tmp_path)
    host.write(f"{SITE}/torch/version.py", version)
    return python_environment(host, SERVER)


def test_a_model_needs_a_gpu() -> None:
    need = gpu_need(SERVER, _config(model_name="Example"), None)
    assert need.reason == "the model Example is configured"
    both = _config(model_name="Example", unsafe_launch=True)
    assert gpu_need(SERVER, both, None) == need


def test_torch_in_the_environment_needs_a_gpu(tmp_path: Path) -> None:
    need = gpu_need(SERVER, _config(), _environment(tmp_path))
    assert need.reason == "torch is in the environment of /srv/tabby"


def test_no_need(tmp_path: Path) -> None:
    with pytest.raises(Absent, match="no model is configured"):
        gpu_need(SERVER, None, None)
    with pytest.raises(Absent, match="unsafe_launch"):
        gpu_need(SERVER, _config(unsafe_launch=True), _environment(tmp_path))
    rocm = CUDA.replace("'12.8'", "None").replace("hip: Optional[str] = None", "hip = '6.4'")
    with pytest.raises(Absent, match="ROCm"):
        gpu_need(SERVER, _config(model_name="Example"), _environment(tmp_path, rocm))


def test_environment_beside_main_py(tmp_path: Path) -> None:
    host = TreeHost(tmp_path)
    host.write(f"{SITE}/torch/version.py", CUDA)
    host.write(f"{SITE}/exllamav3-1.4.1+cu128.torch2.9.0.dist-info/METADATA")
    host.write(f"{SITE}/nvidia_cuda_runtime_cu12-12.8.90.dist-info/METADATA")
    found = python_environment(host, SERVER)
    assert found.directories == (SITE,)
    assert found.packages["exllamav3"] == "1.4.1+cu128.torch2.9.0"
    assert found.packages["nvidia-cuda-runtime-cu12"] == "12.8.90"
    assert found.torch is not None
    assert (found.torch.version, found.torch.cuda, found.torch.hip) == ("2.9.0+cu128", "12.8", None)


def test_environment_of_the_interpreter_comes_first(tmp_path: Path) -> None:
    host = TreeHost(tmp_path)
    host.write(f"{SITE}/torch/version.py", CUDA)
    host.write("/opt/env/lib/python3.11/site-packages/torch/version.py", "cuda = None\n")
    found = python_environment(host, replace(SERVER, python="/opt/env/bin/python3"))
    assert found.torch is not None
    assert found.torch.path == "/opt/env/lib/python3.11/site-packages/torch/version.py"
    relative = python_environment(host, replace(SERVER, python="venv/bin/python"))
    assert relative.directories == (SITE,)


def test_environment_that_sees_the_system(tmp_path: Path) -> None:
    host = TreeHost(tmp_path)
    host.write(f"{SITE}/pip/__init__.py")
    host.write("/srv/tabby/venv/pyvenv.cfg", "include-system-site-packages = true\n")
    host.write("/usr/lib/python3/dist-packages/torch/version.py", CUDA)
    assert python_environment(host, SERVER).torch is not None


def test_no_environment(tmp_path: Path) -> None:
    with pytest.raises(Absent):
        python_environment(TreeHost(tmp_path), SERVER)
    with pytest.raises(Unknown):
        python_environment(TreeHost(tmp_path), replace(SERVER, container="docker 1a2b"))


def test_loaded_driver(tmp_path: Path) -> None:
    found = loaded(TreeHost(tmp_path)).driver()
    assert (found.module_version, found.module_live, found.module_file) == (
        "550.163.01",
        True,
        True,
    )
    assert found.library_version == "550.163.01"
    assert found.works
    assert (found.nouveau, found.secure_boot, found.modprobe) == (False, None, None)


def test_module_known_from_proc_alone(tmp_path: Path) -> None:
    host = TreeHost(tmp_path)
    host.write("/proc/driver/nvidia/version", "NVRM version: NVIDIA … Module  570.26  Tue\n")
    assert (host.driver().module_version, host.driver().module_live) == ("570.26", True)


def test_gpus_on_the_bus(tmp_path: Path) -> None:
    host = unloaded(TreeHost(tmp_path))
    driver = tmp_path / "sys/bus/pci/drivers/nouveau"
    driver.mkdir(parents=True)
    device = tmp_path / "sys/bus/pci/devices/0000:01:00.0/driver"
    assert host.driver().pci_gpus == (PciGpu("0000:01:00.0"),)
    device.symlink_to(driver)
    assert host.driver().pci_gpus == (PciGpu("0000:01:00.0", "nouveau"),)
    assert gpu_on_the_bus(host, "0x1002").driver().pci_gpus == ()


def test_nothing_to_see(tmp_path: Path) -> None:
    found = TreeHost(tmp_path).driver()
    assert (found.module_live, found.module_file, found.pci_gpus) == (False, None, None)


LOG = """\
1763874000.123456 gpu1 kernel: NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus.
-- No entries --
"""


def test_kernel_log(tmp_path: Path) -> None:
    host = TreeHost(tmp_path)
    host.commands["journalctl"] = CommandResult((), 0, LOG)
    (line,) = kernel_log(host, GpuNeed("a test")).lines
    assert line.time == 1763874000.123456
    assert line.text.startswith("NVRM: Xid")


def test_empty_kernel_log(tmp_path: Path) -> None:
    host = TreeHost(tmp_path)
    host.commands["journalctl"] = CommandResult((), 1, "-- No entries --\n")
    assert kernel_log(host, GpuNeed("a test")).lines == ()


@pytest.mark.parametrize(
    "result",
    [
        CommandResult((), 127),
        CommandResult((), 124),
        CommandResult((), 1, "", "Hint: You are currently not seeing messages from other users"),
        CommandResult((), 1, "-- No entries --", "No journal files were found."),
        CommandResult((), 1, "", "No journal files were opened due to insufficient permissions."),
    ],
)
def test_kernel_log_that_may_not_be_read(tmp_path: Path, result: CommandResult) -> None:
    host = TreeHost(tmp_path)
    host.commands["journalctl"] = result
    with pytest.raises(Unknown):
        kernel_log(host, GpuNeed("a test"))
