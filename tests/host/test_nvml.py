"""NVML through the real pynvml, against a stub library built here."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pynvml
import pytest

from tabbydoctor.host import nvml
from tabbydoctor.host.data import NvmlCondition, NvmlGpu, NvmlState
from tests.stub_nvml import NAME, build_library


@pytest.fixture(scope="module")
def library() -> Iterator[Path]:
    """The stub, where nobody may read it too: pytest's own directories are closed to others."""
    with tempfile.TemporaryDirectory(prefix="nvml-") as directory:
        Path(directory).chmod(0o755)
        yield build_library(Path(directory))


@pytest.fixture
def stub(library: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The stub as pynvml's library in this process; gives the monkeypatch for its knobs."""
    _forget(monkeypatch, ctypes.CDLL(str(library)))
    return monkeypatch


def _forget(monkeypatch: pytest.MonkeyPatch, loaded: ctypes.CDLL | None) -> None:
    monkeypatch.setattr(pynvml, "nvmlLib", loaded)
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    monkeypatch.setattr(pynvml, "_nvmlLib_refcount", 0)


def test_everything_a_gpu_tells(stub: pytest.MonkeyPatch, library: Path) -> None:
    stub.setenv("STUB_NVML_COUNT", "2")
    stub.setenv("STUB_NVML_PID", "4242")
    state = nvml.read_nvml(nodes_present=True)

    assert state.error is None
    assert state.library == str(library.resolve())
    assert (state.driver, state.cuda) == ("580.95.05", (13, 0))
    first, second = state.gpus
    assert (first.name, first.minor, first.compute_capability) == ("NVIDIA Stub 3090", 0, (8, 6))
    assert first.bus_id == "00000000:01:00.0"
    assert (first.total_bytes, first.free_bytes) == (24576 << 20, 24000 << 20)
    assert [(process.pid, process.used_bytes) for process in first.processes] == [(4242, 512 << 20)]
    assert second.uuid == "GPU-00000001-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (4, "Insufficient Permissions"),
        (9, "Driver Not Loaded"),
        (15, "GPU is lost"),
        (17, "The operating system has blocked the request."),
        (18, "RM has detected an NVML/RM version mismatch."),
        (999, "Unknown Error"),
    ],
)
def test_a_failed_init_says_its_code(stub: pytest.MonkeyPatch, code: int, words: str) -> None:
    stub.setenv("STUB_NVML_INIT", str(code))
    state = nvml.read_nvml(nodes_present=True)
    assert (state.error, state.error_text, state.gpus) == (code, words, ())
    assert state.library is not None


def test_a_lost_gpu_is_told_beside_the_good_one(stub: pytest.MonkeyPatch) -> None:
    stub.setenv("STUB_NVML_COUNT", "2")
    stub.setenv("STUB_NVML_HANDLE", "15")
    state = nvml.read_nvml(nodes_present=True)
    assert [gpu.error for gpu in state.gpus] == [0, 15]


@pytest.mark.parametrize(("code", "error"), [(16, 16), (3, 0)])
def test_what_a_gpu_will_not_tell(stub: pytest.MonkeyPatch, code: int, error: int) -> None:
    """A reset that is needed is the GPU's error; a question it does not support is not."""
    stub.setenv("STUB_NVML_DEVICE", str(code))
    (gpu,) = nvml.read_nvml(nodes_present=True).gpus
    assert (gpu.error, gpu.name, gpu.total_bytes, gpu.processes) == (error, None, None, ())


@pytest.fixture
def no_library() -> None:
    """Skips on a machine whose linker finds the real library."""
    code = f"import ctypes; ctypes.CDLL({NAME!r})"
    found = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    if found.returncode == 0:
        pytest.skip("this machine has the real library")


@pytest.mark.usefixtures("no_library")
def test_no_library(tmp_path: Path) -> None:
    state = _in_process(None, nodes_present=True, further=(str(tmp_path),))
    assert state["error"] == 12
    assert "cannot open shared object file" in str(state["load_error"])


@pytest.mark.usefixtures("no_library")
def test_a_library_where_the_linker_does_not_look(library: Path) -> None:
    """As on NixOS and WSL2."""
    further = ("/nonexistent", str(library.parent))
    state = _in_process(None, nodes_present=True, further=further)
    assert (state["error"], state["library"]) == (None, str(library.resolve()))
    assert "cannot open shared object file" in str(state["load_error"])


def test_a_broken_library_says_why(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"")
    state = _in_process(tmp_path, nodes_present=True)
    assert state["error"] == 12
    assert "file too short" in str(state["load_error"])


def test_missing_nodes_are_not_created(library: Path) -> None:
    """The stub's init creates a file, as the real one creates nodes: root could, nobody cannot."""
    node = library.with_name("nvidiactl")
    state = _in_process(library.parent, nodes_present=False, touch=node, init=9)
    assert state["error"] == 9
    # Without root there is nothing to give up but setuid programs: see below.
    assert os.geteuid() != 0 or not node.exists()


@pytest.mark.root(reason="who may create anything")
def test_the_stub_would_create_the_node_as_root(library: Path) -> None:
    """The control to the test above: with the nodes in place root asks itself."""
    node = library.with_name("nvidiactl-by-root")
    _in_process(library.parent, nodes_present=True, touch=node)
    assert node.exists()


def test_the_child_starts_no_setuid_program(tmp_path: Path) -> None:
    code = (
        "from tabbydoctor.host.nvml import give_up_privileges as g; g();"
        "print(open('/proc/self/status').read())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    fields = dict(line.split(":\t", 1) for line in done.splitlines() if ":\t" in line)
    assert fields["NoNewPrivs"] == "1"
    assert int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == 0
    assert "0" not in fields["Uid"].split()


def test_a_child_that_does_not_answer(library: Path) -> None:
    state = _in_process(library.parent, nodes_present=False, timeout=0.0)
    assert "did not come back" in str(state["not_tried"])


def _in_process(
    libraries: Path | None,
    *,
    nodes_present: bool,
    touch: Path | None = None,
    init: int = 0,
    timeout: float = 15.0,
    further: tuple[str, ...] = nvml.FURTHER_DIRECTORIES,
) -> dict[str, object]:
    """read_nvml in an interpreter of its own, whose linker finds the stub."""
    code = (
        "import json, sys; from dataclasses import asdict; from tabbydoctor.host import nvml;"
        f"nvml.FURTHER_DIRECTORIES = {further!r};"
        f"print(json.dumps(asdict(nvml.read_nvml({nodes_present}, timeout={timeout}))))"
    )
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": str(libraries or ""),
        "STUB_NVML_INIT": str(init),
    }
    if touch is not None:
        environment["STUB_NVML_TOUCH"] = str(touch)
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
    )
    state: dict[str, object] = json.loads(done.stdout)
    return state


@pytest.mark.parametrize(
    ("nodes", "gpus", "present"),
    [
        (["nvidiactl", "nvidia0", "nvidia-uvm"], 1, True),
        (["nvidiactl", "nvidia0"], 2, False),
        (["nvidia0"], 1, False),
        (["nvidiactl"], 0, True),
        (["null"], 0, False),
    ],
)
def test_nodes_present(tmp_path: Path, nodes: list[str], gpus: int, present: bool) -> None:
    devices, driver = tmp_path / "dev", tmp_path / "driver"
    devices.mkdir()
    for name in nodes:
        (devices / name).touch()
    for number in range(gpus):
        (driver / "gpus" / f"0000:0{number}:00.0").mkdir(parents=True)
    assert nvml.nodes_present(str(devices), str(driver)) is present


def test_importing_the_door_does_not_import_pynvml() -> None:
    code = "import sys, tabbydoctor.host.nvml; sys.exit('pynvml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_state_travels_whole(stub: pytest.MonkeyPatch) -> None:
    from dataclasses import asdict

    from pydantic import TypeAdapter

    stub.setenv("STUB_NVML_PID", "7")
    state = nvml.ask()
    assert TypeAdapter(NvmlState).validate_json(json.dumps(asdict(state))) == state


# What single cards tell: STUB_NVML_CARDS of the stub.
def _cards(stub: pytest.MonkeyPatch, *cards: str) -> tuple[NvmlGpu, ...]:
    stub.setenv("STUB_NVML_CARDS", "|".join(cards))
    state = nvml.read_nvml(nodes_present=True)
    assert state.error is None
    return state.gpus


def test_cards_of_different_kinds(stub: pytest.MonkeyPatch) -> None:
    consumer, server = _cards(
        stub,
        "name=NVIDIA GeForce RTX 3090;cc=86",
        "name=NVIDIA A100;cc=80;total=40960;free=40000;mig=1;instances=2;ecc=0;rows=0;mode=3",
    )
    assert (consumer.name, consumer.total_bytes) == ("NVIDIA GeForce RTX 3090", 24576 << 20)
    assert consumer.condition == NvmlCondition(
        compute_mode=0, slowed_by=0, temperature=40, busy_percent=0
    )
    assert (server.compute_capability, server.total_bytes) == ((8, 0), 40960 << 20)
    assert (server.condition.mig, server.condition.compute_mode) == (True, 3)
    assert server.condition.mig_uuids == tuple(
        f"MIG-00000001-0000-0000-0000-00000000000{number}" for number in (1, 2)
    )
    assert (server.condition.uncorrected_errors, server.condition.rows_pending) == (0, False)


def test_what_a_server_card_fares(stub: pytest.MonkeyPatch) -> None:
    pages, rows = _cards(stub, "ecc=3;pages=1;slowed=0x48;temp=92;busy=99", "failed=1")
    assert pages.condition.uncorrected_errors == 3
    assert (pages.condition.pages_pending, pages.condition.rows_pending) == (True, None)
    assert (pages.condition.slowed_by, pages.condition.temperature) == (0x48, 92)
    assert pages.condition.busy_percent == 99
    assert (rows.condition.rows_pending, rows.condition.rows_failed) == (False, True)


@pytest.mark.parametrize("questions", range(12))
def test_lost_between_two_questions(stub: pytest.MonkeyPatch, questions: int) -> None:
    lost, other = _cards(stub, f"lost={questions}", "name=Other")
    assert (lost.error, other.error, other.name) == (15, 0, "Other")


@pytest.mark.parametrize(("times", "held"), [(1, 1), (2, 1), (9, 0)])
def test_a_list_of_processes_that_grows(stub: pytest.MonkeyPatch, times: int, held: int) -> None:
    """It is asked for anew, and left alone where it never stands still."""
    (gpu,) = _cards(stub, f"pid=4242;grows={times}")
    assert (len(gpu.processes), gpu.error) == (held, 0)


def test_a_driver_that_knows_the_older_questions_alone(stub: pytest.MonkeyPatch) -> None:
    """NVML of 470 has no `_v3` of the processes and no clocks event reasons."""
    real, known = pynvml._nvmlGetFunctionPointer, []

    def older(name: str) -> object:
        if name in (
            "nvmlDeviceGetComputeRunningProcesses_v3",
            "nvmlDeviceGetCurrentClocksEventReasons",
        ):
            raise pynvml.NVMLError(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
        known.append(name)
        return real(name)

    stub.setattr(pynvml, "_nvmlGetFunctionPointer", older)
    (gpu,) = _cards(stub, "name=Old")
    assert (gpu.name, gpu.processes, gpu.condition.slowed_by) == ("Old", (), None)
    assert "nvmlDeviceGetComputeRunningProcesses_v2" in known


@pytest.mark.parametrize("code", [15, 999])
def test_broken_before_the_gpus_are_counted(stub: pytest.MonkeyPatch, code: int) -> None:
    """That is no machine without a GPU."""
    stub.setenv("STUB_NVML_COUNTING", str(code))
    state = nvml.read_nvml(nodes_present=True)
    assert (state.error, state.gpus, state.driver) == (code, (), "580.95.05")
