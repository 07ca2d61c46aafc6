"""Lines of TabbyAPI's log that say what is wrong, with what to do about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabbydoctor.api import Severity

from .scene import CONFIG, MODEL, STOPPED, TABBY, Scene, failed, refusing, serving, told

RESTART = "sudo systemctl restart tabbyapi.service"
FATAL = (
    "ERROR:    FATAL ERROR with generation. Attempting to recreate the generator. If this fails, "
    "please restart the server."
)
TRACEBACK = "ERROR:    Traceback (most recent call last):"
WRAPPED = (
    "2026-08-13 20:55:45.123 ERROR:    FATAL ERROR with generation. Attempting to",
    "recreate the generator. If this fails, please restart the server.",
)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    scene.model()
    scene.write(f"{TABBY}/config.yml", f"{CONFIG}{MODEL}")
    scene.endpoint = serving()
    return scene


@pytest.mark.parametrize(
    ("log", "exception"),
    [
        (
            (TRACEBACK, "ERROR:    RuntimeError: CPU reduce wait timeout", FATAL),
            "RuntimeError: CPU reduce wait timeout",
        ),
        (
            (
                "Traceback (most recent call last):",
                '  File "/x/generator.py", line 9, in iterate',
                "torch.AcceleratorError: CUDA error: an illegal memory access was encountered",
                "CUDA kernel errors might be asynchronously reported at some other API call",
                "INFO:     Received chat completion request 3f2a",
                FATAL,
            ),
            "torch.AcceleratorError: CUDA error: an illegal memory access was encountered",
        ),
        (
            (FATAL, TRACEBACK, "ERROR:      File generator.py", "ERROR:    AssertionError"),
            "AssertionError",
        ),
        (
            (*WRAPPED, TRACEBACK, "ERROR:    ValueError: cannot be enqueued"),
            "ValueError: cannot be enqueued",
        ),
    ],
)
def test_a_generation_that_failed_is_shown_with_its_exception(
    scene: Scene, log: tuple[str, ...], exception: str
) -> None:
    scene.log = ("INFO:     Uvicorn running on http://127.0.0.1:5000", *log)
    said = scene.examine()
    assert said.ids == ["SVC011"]
    finding = said.finding("SVC011")
    assert finding.evidence[0].actual == exception
    assert (finding.evidence[1].actual or "").startswith("FATAL ERROR with generation")
    restart, update, read = finding.remedies
    assert restart.commands == (RESTART,)
    assert "update TabbyAPI and exllamav3" in update.title
    assert update.commands[0] == f"sudo -H -u ivan git -C {TABBY} pull --ff-only"
    assert update.commands[-1] == RESTART
    assert read.title == "Read the log"


def test_without_an_exception_the_line_stands_alone(scene: Scene) -> None:
    scene.log = ("INFO:     Received completion request 1", FATAL)
    assert len(scene.examine().finding("SVC011").evidence) == 1


@pytest.mark.parametrize(
    ("log", "package"),
    [
        (
            (
                "/tmp/tmpabc/cuda_utils.c:6:10: fatal error: Python.h: No such file or directory",
                "UserWarning: Triton is not supported on current platform, roll back to CPU.",
            ),
            "python3-dev",
        ),
        (
            ("/tmp/tmpx/main.c:5:10: fatal error: Python.h: No such file or directory",),
            "python3-dev",
        ),
        (
            (
                "UserWarning: Triton is not supported on current platform, roll back to CPU.",
                "/home/ivan/.triton/x.c:1:10: fatal error: Python.h: No such file or directory",
            ),
            "python3.12-dev",
        ),
    ],
)
def test_triton_that_wants_python_h(scene: Scene, log: tuple[str, ...], package: str) -> None:
    if package != "python3-dev":
        scene.unit = scene.unit.replace("venv/bin/python", "venv/bin/python3.12")
        scene.write(f"{TABBY}/venv/bin/python3.12", "\x7fELF\0", mode=0o755)
    scene.log = log
    said = scene.examine()
    assert said.ids == ["SVC011"]
    finding = said.finding("SVC011")
    assert finding.severity is Severity.WARNING
    assert "Python.h is missing" in finding.title
    assert "Python.h" in (finding.evidence[0].actual or "")
    assert finding.remedies[0].commands == (f"sudo apt-get install {package}", RESTART)


def test_triton_that_does_not_work_for_another_reason(scene: Scene) -> None:
    scene.log = ("UserWarning: Triton is not supported on current platform, roll back to CPU.",)
    finding = scene.examine().finding("SVC011")
    assert "linear attention goes on without it" in finding.title
    assert "Python.h" not in told(finding)


@pytest.mark.parametrize(
    ("line", "meaning", "command"),
    [
        (
            f"AssertionError: Unknown architecture Zephyr9ForConditionalGeneration in "
            f"{TABBY}/models/tiny-exl3/config.json",
            "does not know the architecture",
            f"git -C {TABBY} pull",
        ),
        (
            "AssertionError: Unknown architecture Glacier2MoeForCausalLM in models/x/config.json",
            "does not know the architecture",
            f"pip install -U '{TABBY}[cu12]'",
        ),
        (
            "RuntimeError: Insufficient VRAM in split for model and cache",
            "model.gpu_split",
            f"{TABBY}/config.yml",
        ),
        (
            "safetensors_rust.SafetensorError: Error while deserializing header: HeaderTooLarge",
            "git-lfs pointer",
            f"ls -l {TABBY}/models/tiny-exl3",
        ),
        (
            "ValueError: Invalid safetensors header in /x/model-00002-of-00004.safetensors",
            "git-lfs pointer",
            f"ls -l {TABBY}/models/tiny-exl3",
        ),
        (
            "RuntimeError: CUDA unknown error - this may be due to an incorrectly set up environ",
            "nvidia_uvm",
            "sudo modprobe -r nvidia_uvm",
        ),
        (
            "RuntimeError: Found no NVIDIA driver on your system. Please check that you have one",
            "libcuda.so.1",
            "ldconfig -p | grep libcuda.so.1",
        ),
        (
            "RuntimeError: No CUDA GPUs are available",
            "CUDA_VISIBLE_DEVICES",
            "systemctl show tabbyapi.service -p Environment,PrivateDevices,DevicePolicy",
        ),
        (
            f"OSError: [Errno 28] No space left on device: '{TABBY}/logs/2026.log'",
            "a disk is full",
            f"df -h {TABBY}",
        ),
    ],
)
def test_what_ended_the_start_is_the_root(
    scene: Scene, line: str, meaning: str, command: str
) -> None:
    scene.state, scene.endpoint = failed(1), refusing()
    scene.log = (
        "INFO:     Loading model: models/tiny-exl3",
        "INFO:     Loading with autosplit",
        "Traceback (most recent call last):",
        line,
        "tabbyapi.service: Main process exited, code=exited, status=1/FAILURE",
    )
    said = scene.examine()
    assert said.ids == ["SVC011"]
    assert {"SVC002", "API001"} <= set(said.explains("SVC011"))
    finding = said.finding("SVC011")
    assert meaning in finding.title
    assert [one.actual for one in finding.evidence] == [line]
    assert any(command in each for each in finding.remedies[0].commands)
    assert finding.remedies[0].commands[-1] == RESTART
    shown = [one.actual for one in said.finding("SVC002").evidence[1:]]
    assert line in shown
    assert not any("Loading" in (one or "") for one in shown)


@pytest.mark.parametrize(
    "line",
    [
        "WARNING:  Skipping embeddings because infinity-emb is not installed.",
        "WARNING:  Embeddings are disabled because infinity-emb failed to import: no torch",
    ],
)
def test_embeddings_that_are_off(scene: Scene, line: str) -> None:
    scene.log = (line,)
    finding = scene.examine().finding("SVC011")
    assert finding.severity is Severity.WARNING
    assert any(f"'{TABBY}[extras]'" in each for each in finding.remedies[0].commands)


@pytest.mark.parametrize(
    "line",
    [
        "INFO:     Raw prompt: why does it say Python.h: No such file or directory?",
        'INFO:     127.0.0.1:1 - "GET /v1/models?q=Unknown+architecture+X HTTP/1.1" 200',
        "INFO:     No CUDA GPUs are available",
    ],
)
def test_what_a_client_said_is_no_evidence(scene: Scene, line: str) -> None:
    scene.log = (line,)
    assert scene.examine().ids == []


def test_a_healthy_start_is_no_evidence_of_an_end(scene: Scene) -> None:
    scene.state, scene.endpoint = {**failed(1), "Result": "signal", "ExecMainCode": "2"}, refusing()
    scene.log = (
        "INFO:     Loading model: models/tiny-exl3",
        "2026-08-13 20:55:45.123 INFO:     Uvicorn running on http://127.0.0.1:5000",
    )
    finding = scene.examine().finding("SVC002")
    assert len(finding.evidence) == 1
    scene.state = STOPPED
    assert "Uvicorn running" not in told(scene.examine().finding("API001"))
