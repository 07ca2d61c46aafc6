"""GPU007: which Xids ask for what, of which GPUs, and which are settled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checks.gpu.xid import xid
from checks.gpu.xids import XIDS
from tabbydoctor.api import Finding, Severity
from tabbydoctor.deployment.parts import Machine
from tabbydoctor.gpu.cuda_use import CudaUse
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.gpu.kernel_log import KernelLine, KernelLog
from tabbydoctor.host.data import NvmlGpu, Process
from tests.checks.gpu.machine_tree import GPU, LINUX, NEED, WORKS, service

LOADED = "NVRM: loading NVIDIA UNIX x86_64 Kernel Module  580.95.05  Wed Sep 3 2025"
SECOND = replace(GPU, index=1, uuid="GPU-1111", minor=1, bus_id="00000000:02:00.0")
FROM_RESET = "GPU recovery action changed from 0x1 (GPU Reset Required) to "


def _xid(
    *texts: str,
    gpus: tuple[NvmlGpu, ...] = (GPU,),
    started: float = 0.0,
    variables: dict[str, str] | None = None,
    machine: Machine = LINUX,
    use: CudaUse | None = None,
) -> list[Finding]:
    log = KernelLog(tuple(KernelLine(100.0, text) for text in texts))
    instance = replace(service(variables), process=Process(42, (), started=started))
    driver = Driver(replace(WORKS, gpus=gpus))
    return list(xid.judge(NEED, instance, driver, log, machine, None, use))


def _line(number: int, rest: str = "pid=1234, name=python", bus: str = "0000:01:00") -> str:
    return f"NVRM: Xid (PCI:{bus}): {number}, {rest}"


@pytest.mark.parametrize("number", [13, 31, 32, 43, 45, 63, 68, 69, 999])
def test_xids_that_ask_for_nothing(number: int) -> None:
    assert _xid(LOADED, *[_line(number)] * 5) == []


@pytest.mark.parametrize("number", sorted(XIDS))
def test_xids_that_ask_for_an_action(number: int) -> None:
    (finding,) = _xid(_line(number), _line(number))
    assert finding.title.startswith(f"Xid {number} on the GPU at PCI 0000:01:00, 2 times: ")
    assert finding.remedies[0].commands or finding.remedies[0].title
    assert (finding.severity is Severity.ERROR) is (number == 79)


def test_one_alone_is_not_counted() -> None:
    (finding,) = _xid(_line(119))
    assert "times" not in finding.title


def test_a_reset_stops_tabbyapi_around_it() -> None:
    commands = _xid(_line(95))[0].remedies[0].commands
    assert commands == (
        "sudo systemctl stop tabbyapi.service",
        "sudo nvidia-smi --gpu-reset -i 0",
        "sudo systemctl start tabbyapi.service",
    )


def test_off_the_bus_takes_a_reboot() -> None:
    assert _xid(_line(79))[0].remedies[0].commands == ("sudo systemctl reboot",)


def test_nothing_is_reset_from_inside_a_container() -> None:
    (finding,) = _xid(_line(119), machine=replace(LINUX, container="docker"))
    assert finding.remedies[0].title.startswith("On the host: ")
    assert all(not remedy.commands for remedy in finding.remedies)


def test_a_gpu_that_does_not_answer_now() -> None:
    assert _xid(_line(48), gpus=(replace(GPU, error=16),))[0].severity is Severity.ERROR
    other = replace(SECOND, error=16)
    assert _xid(_line(48), gpus=(GPU, other))[0].severity is None


def test_a_gpu_that_tabbyapi_does_not_use() -> None:
    first = {"CUDA_VISIBLE_DEVICES": "0"}
    on_second = _line(119, bus="0000:02:00")
    assert _xid(on_second, gpus=(GPU, SECOND), variables=first) == []
    assert len(_xid(on_second, gpus=(GPU, SECOND))) == 1
    # One that NVML no longer counts may have been TabbyAPI's.
    assert len(_xid(on_second, variables=first)) == 1


@pytest.mark.parametrize("bus", ["0000:01:00", "0000:01:00.0", "01:00.0", "0000:01:00.0 GPU-I:0"])
def test_forms_of_the_place(bus: str) -> None:
    """Drivers print it in several ways."""
    (finding,) = _xid(f"NVRM: Xid (PCI:{bus}): 119, pid=1, name=python, Timeout after 6s")
    assert "-i 0" in str(finding.remedies)


def test_settled_by_a_restart_of_tabbyapi() -> None:
    assert _xid(_line(94), started=200.0) == []
    assert len(_xid(_line(94), started=50.0)) == 1


@pytest.mark.parametrize("number", [79, 95, 119])
def test_a_remark_where_tabbyapi_works_again(number: int) -> None:
    works = CudaUse(works="it has loaded Example")
    assert _xid(_line(number), started=200.0, use=works)[0].severity is Severity.INFO
    for finding in (
        *_xid(_line(number), started=50.0, use=works),
        *_xid(_line(number), started=200.0, use=CudaUse()),
        *_xid(_line(number), started=200.0, use=works, gpus=(replace(GPU, error=15),)),
        *_xid(_line(54), started=200.0, use=works),
    ):
        assert finding.severity is not Severity.INFO


def test_settled_by_a_driver_that_was_loaded_anew() -> None:
    assert _xid(LOADED, _line(119), LOADED) == []
    assert len(_xid(LOADED, _line(119), LOADED, _line(119))) == 1


@pytest.mark.parametrize(
    ("now", "command"),
    [
        ("0x1 (GPU Reset Required)", "sudo nvidia-smi --gpu-reset -i 0"),
        ("0x2 (Node Reboot Required)", "sudo systemctl reboot"),
        ("0x4 (Drain and Reset)", "sudo nvidia-smi --gpu-reset -i 0"),
    ],
)
def test_the_line_says_itself_what_is_needed(now: str, command: str) -> None:
    (finding,) = _xid(_line(154, FROM_RESET + now))
    assert command in finding.remedies[0].commands


@pytest.mark.parametrize("now", ["0x0 (None)", "0x0"])
def test_a_recovery_that_is_done(now: str) -> None:
    assert _xid(_line(154, "changed from 0x0 (None) to 0x1"), _line(154, FROM_RESET + now)) == []
