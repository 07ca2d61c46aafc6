"""How CUDA serves TabbyAPI itself: a loaded model, held memory, or its log."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tabbydoctor.gpu.cuda_use import cuda_use
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.host.data import NvmlProcess, Process
from tabbydoctor.tabbyapi.log import LogLine, RunLog
from tests.cases.scene import refusing, serving
from tests.checks.gpu.machine_tree import GPU, LINUX, WORKS, service

DRIVER = Driver(WORKS)
HOLDING = Driver(replace(WORKS, gpus=(replace(GPU, processes=(NvmlProcess(42, None),)),)))
RUNNING = replace(service(), process=Process(42, ("python", "main.py")))


def _log(*lines: str, present: bool = True) -> RunLog:
    return RunLog("journalctl -u x", tuple(LogLine(line) for line in lines), present=present)


NO_GPUS = _log("RuntimeError: No CUDA GPUs are available")


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("RuntimeError: No CUDA GPUs are available", "no-gpus"),
        ("RuntimeError: Found no NVIDIA driver on your system. Please check", "no-libcuda"),
        (
            "RuntimeError: CUDA unknown error - this may be due to an incorrectly",
            "cuda-unknown-error",
        ),
        ("No CUDA runtime is found, using CUDA_HOME='/usr'", "cuda-unusable"),
        ("torch.AcceleratorError: CUDA error: no CUDA-capable device is detected", "cuda-unusable"),
        ("CUDA error: no kernel image is available for execution on the device", ""),
        ("CUDA out of memory", ""),
        ("Uvicorn running on http://127.0.0.1:5000", ""),
        ('INFO: 127.0.0.1 - "POST /v1/x?No CUDA GPUs are available HTTP/1.1" 200', ""),
    ],
)
def test_what_its_log_says(line: str, kind: str) -> None:
    found = cuda_use(RUNNING, LINUX, DRIVER, _log("Loading model", line), refusing())
    assert (found.failure, found.works) == (kind, "")
    assert bool(found.line) is bool(kind)


def test_a_loaded_model_outweighs_the_log() -> None:
    found = cuda_use(RUNNING, LINUX, DRIVER, NO_GPUS, serving())
    assert (found.works, found.failure) == ("it has loaded tiny-exl3", "")


def test_memory_that_its_process_holds_outweighs_the_log() -> None:
    assert cuda_use(RUNNING, LINUX, HOLDING, NO_GPUS, refusing()).works
    other = replace(service(), process=Process(43, ()))
    assert not cuda_use(other, LINUX, HOLDING, NO_GPUS, refusing()).works
    # In a container NVML names the processes by other numbers.
    inside = replace(LINUX, container="docker")
    assert not cuda_use(RUNNING, inside, HOLDING, NO_GPUS, None).works


def test_nothing_is_said_where_nothing_shows_it() -> None:
    assert cuda_use(service(), LINUX, DRIVER, None, None).failure == ""


def test_a_run_that_was_stopped_is_over() -> None:
    stopped = _log("No CUDA GPUs are available", "Shutdown signal called", present=False)
    assert cuda_use(service(), LINUX, DRIVER, stopped, refusing()).failure == ""
    crashed = replace(NO_GPUS, present=False)
    assert cuda_use(service(), LINUX, DRIVER, crashed, refusing()).failure == "no-gpus"
