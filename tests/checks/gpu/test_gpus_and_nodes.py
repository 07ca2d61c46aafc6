"""GPU002, GPU003 and GPU006."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from checks.gpu.driver_mismatch import driver_mismatch
from checks.gpu.gpu_absent import gpu_absent
from checks.gpu.uvm_missing import uvm_missing
from tabbydoctor.api import Absent, Finding, Severity, Unknown
from tabbydoctor.deployment.parts import Machine
from tabbydoctor.gpu.cuda_use import CudaUse
from tabbydoctor.host.data import NvmlGpu, NvmlState
from tests.checks.gpu.machine_tree import (
    GPU,
    LINUX,
    NEED,
    WORKS,
    TreeHost,
    loaded,
    service,
    usual_nodes,
)

WSL = Machine(systemd=True, root=True, wsl=True)
DOCKER = Machine(systemd=False, root=True, container="docker")


# GPU002 driver-mismatch
def _mismatch(host: TreeHost, machine: Machine = LINUX) -> list[Finding]:
    return list(driver_mismatch.judge(NEED, host.driver(machine), machine))


def test_mismatch_that_nvml_tells(tmp_path: Path) -> None:
    state = replace(WORKS, error=18, error_text="RM has detected an NVML/RM version mismatch.")
    (finding,) = _mismatch(loaded(TreeHost(tmp_path, state), "535.183.01"))
    assert "535.183.01 and 550.163.01" in finding.title
    assert [remedy.safety.value for remedy in finding.remedies] == ["unsafe", "unsafe"]


def test_mismatch_beside_a_tabbyapi_that_runs_from_before(tmp_path: Path) -> None:
    """It goes on until its next start."""
    host = loaded(TreeHost(tmp_path, replace(WORKS, error=18, error_text="x")), "535.183.01")
    facts = (NEED, host.driver(), LINUX)
    (finding,) = driver_mismatch.judge(*facts, CudaUse(works="it has loaded Example"))
    assert finding.severity is Severity.WARNING
    (finding,) = driver_mismatch.judge(*facts, CudaUse())
    assert finding.severity is None


def test_mismatch_that_the_files_tell(tmp_path: Path) -> None:
    state = replace(WORKS, error=9, error_text="Driver Not Loaded")
    assert len(_mismatch(loaded(TreeHost(tmp_path, state), "535.183.01"))) == 1
    assert _mismatch(loaded(TreeHost(tmp_path, state))) == []


def test_mismatch_in_a_container(tmp_path: Path) -> None:
    state = replace(WORKS, error=18, error_text="x")
    (finding,) = _mismatch(loaded(TreeHost(tmp_path, state)), DOCKER)
    assert "recreate the container" in finding.remedies[0].title


def test_versions_do_not_matter_where_nvml_works(tmp_path: Path) -> None:
    assert _mismatch(loaded(TreeHost(tmp_path), "535.183.01")) == []


# GPU003 gpu-absent
def _absent(
    host: TreeHost, environment: dict[str, str] | None = None, machine: Machine = LINUX
) -> list[Finding]:
    return list(gpu_absent.judge(NEED, service(environment), host.driver(machine), machine))


def test_one_gpu_is_enough(tmp_path: Path) -> None:
    assert _absent(loaded(TreeHost(tmp_path))) == []


def test_no_gpu(tmp_path: Path) -> None:
    (finding,) = _absent(loaded(TreeHost(tmp_path, replace(WORKS, gpus=()))))
    assert "sees no GPU" in finding.title


@pytest.mark.parametrize(("code", "words"), [(15, "is lost"), (16, "needs a reset")])
def test_a_bad_gpu(tmp_path: Path, code: int, words: str) -> None:
    state = replace(WORKS, gpus=(GPU, NvmlGpu(1, error=code)))
    (finding,) = _absent(loaded(TreeHost(tmp_path, state)))
    assert finding.title == f"GPU 1 {words}"
    (at_init,) = _absent(loaded(TreeHost(tmp_path, NvmlState(error=code, error_text="x"))))
    assert words in at_init.title


def test_a_silent_gpu_is_only_a_fault_where_the_doctor_may_see_it(tmp_path: Path) -> None:
    host = loaded(TreeHost(tmp_path, replace(WORKS, gpus=(NvmlGpu(0, error=999),))))
    assert "does not answer" in _absent(host)[0].title
    for machine in (replace(LINUX, root=False), DOCKER):
        with pytest.raises(Unknown):
            _absent(host, machine=machine)


@pytest.mark.parametrize("value", ["", "-1", "1", "GPU-ffff", "-1,0", "NoDevFiles"])
def test_variable_that_hides_every_gpu(tmp_path: Path, value: str) -> None:
    (finding,) = _absent(loaded(TreeHost(tmp_path)), {"CUDA_VISIBLE_DEVICES": value})
    assert "hides every GPU from tabbyapi.service" in finding.title


@pytest.mark.parametrize("value", ["0", "0,1", "GPU-0000", "MIG-1234"])
def test_variable_that_leaves_one(tmp_path: Path, value: str) -> None:
    assert _absent(loaded(TreeHost(tmp_path)), {"CUDA_VISIBLE_DEVICES": value}) == []


TWO = replace(WORKS, gpus=(GPU, replace(GPU, index=1, uuid="GPU-1111", minor=1)))


@pytest.mark.parametrize(
    ("value", "hidden"),
    [("0,7,1", "1"), ("1,-1,0", "0"), ("GPU-0000,GPU-9999,GPU-1111", "GPU-1111"), ("0,0,1", "1")],
)
def test_variable_that_cuts_a_gpu_off(tmp_path: Path, value: str, hidden: str) -> None:
    (finding,) = _absent(loaded(TreeHost(tmp_path, TWO)), {"CUDA_VISIBLE_DEVICES": value})
    assert finding.title.endswith(f" hides GPU {hidden} from tabbyapi.service")
    assert finding.severity is Severity.WARNING
    assert "UnsetEnvironment=CUDA_VISIBLE_DEVICES" in finding.remedies[0].commands[1]


@pytest.mark.parametrize("value", ["0,1", "1", "1,0,7", "0,1,2,3", "GPU-1111"])
def test_variable_that_cuts_none_off(tmp_path: Path, value: str) -> None:
    assert _absent(loaded(TreeHost(tmp_path, TWO)), {"CUDA_VISIBLE_DEVICES": value}) == []


def test_skipped_without_a_driver(tmp_path: Path) -> None:
    host = TreeHost(tmp_path, NvmlState(error=9, error_text="Driver Not Loaded"))
    with pytest.raises(Absent):
        _absent(host)
    with pytest.raises(Absent):
        _uvm(host)


# GPU006 uvm-missing
def _uvm(
    host: TreeHost, machine: Machine = LINUX, use: CudaUse | None = None, **properties: str
) -> list[Finding]:
    facts = (service(None, **properties), host.driver(machine), machine, host.nodes(), use)
    return list(uvm_missing.judge(NEED, *facts))


def test_uvm_there(tmp_path: Path) -> None:
    assert _uvm(usual_nodes(loaded(TreeHost(tmp_path)))) == []


def test_uvm_missing(tmp_path: Path) -> None:
    host = usual_nodes(loaded(TreeHost(tmp_path)))
    (tmp_path / "dev/nvidia-uvm").unlink()
    (finding,) = _uvm(host)
    assert finding.severity is None
    assert "awk '$2 == \"nvidia-uvm\" {print $1}'" in finding.remedies[0].commands[0]
    assert finding.remedies[0].commands[-1] == "sudo systemctl restart tabbyapi.service"


def test_uvm_made_at_first_use_is_a_remark(tmp_path: Path) -> None:
    host = loaded(TreeHost(tmp_path))
    host.write("/usr/bin/nvidia-modprobe")
    (tmp_path / "usr/bin/nvidia-modprobe").chmod(0o4755)
    if not host.driver().modprobe_setuid:
        pytest.skip("needs root, to own a setuid file")
    assert _uvm(host)[0].severity is Severity.INFO
    (finding,) = _uvm(host, NoNewPrivileges="yes")
    assert finding.severity is None
    assert finding.remedies[0].commands[0] == "sudo nvidia-modprobe -c 0 -u"


def test_uvm_stale(tmp_path: Path) -> None:
    host = loaded(TreeHost(tmp_path))
    host.node("/dev/nvidia-uvm", 235, 0)
    (finding,) = _uvm(host)
    assert "is stale" in finding.title


STUCK = CudaUse(failure="cuda-unknown-error", line="CUDA unknown error", source="its log")


def test_uvm_stuck_as_after_a_suspend(tmp_path: Path) -> None:
    """The node is there, NVML works: only TabbyAPI's own log shows it."""
    host = usual_nodes(loaded(TreeHost(tmp_path)))
    (finding,) = _uvm(host, use=STUCK)
    assert finding.title == "/dev/nvidia-uvm is there, and CUDA cannot use it"
    assert finding.remedies[0].commands == (
        "sudo systemctl stop tabbyapi.service",
        "sudo modprobe -r nvidia_uvm && sudo modprobe nvidia_uvm",
        "sudo systemctl start tabbyapi.service",
    )
    assert (finding.evidence[0].source, finding.evidence[0].actual) == (
        "its log", "CUDA unknown error",
    )  # fmt: skip


def test_uvm_stuck_on_nixos(tmp_path: Path) -> None:
    (finding,) = _uvm(usual_nodes(loaded(TreeHost(tmp_path))), replace(LINUX, nixos=True), STUCK)
    assert "systemctl enable" not in str(finding.remedies)
    assert finding.remedies[-1].nix == ("hardware.nvidia.powerManagement.enable = true;",)


def test_uvm_is_not_stuck_by_other_lines(tmp_path: Path) -> None:
    host = usual_nodes(loaded(TreeHost(tmp_path)))
    for failure in ("no-gpus", "no-libcuda", ""):
        assert _uvm(host, use=replace(STUCK, failure=failure)) == []
    assert _uvm(host, use=CudaUse(works="it has loaded Example")) == []


def test_uvm_is_not_reloaded_from_inside_a_container(tmp_path: Path) -> None:
    (finding,) = _uvm(usual_nodes(loaded(TreeHost(tmp_path))), DOCKER, STUCK)
    assert [remedy.commands for remedy in finding.remedies] == [()]


def test_wsl_has_no_nodes(tmp_path: Path) -> None:
    with pytest.raises(Absent):
        _uvm(TreeHost(tmp_path), WSL)
