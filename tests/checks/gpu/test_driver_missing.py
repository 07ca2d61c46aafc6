"""GPU001: each cause by its own words, and silence where the driver is there."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from checks.gpu.driver_missing import driver_missing
from checks.gpu.gpu_absent import gpu_absent
from tabbydoctor.api import Finding, Severity, Unknown
from tabbydoctor.deployment.parts import Machine
from tabbydoctor.gpu.cuda_use import CudaUse
from tabbydoctor.gpu.kernel_log import COMMAND, KernelLine, KernelLog
from tabbydoctor.host.data import NvmlState
from tests.checks.gpu.machine_tree import (
    LINUX,
    NEED,
    WORKS,
    TreeHost,
    gpu_on_the_bus,
    loaded,
    modules,
    service,
    unloaded,
    usual_nodes,
)

NO_FILE = "libnvidia-ml.so.1: cannot open shared object file: No such file or directory"
NO_LIBRARY = NvmlState(error=12, error_text="NVML Shared Library Not Found", load_error=NO_FILE)
NOT_LOADED = NvmlState(library="/usr/lib/x/libnvidia-ml.so.550.163.01", error=9, error_text="x")


def _judge(
    host: TreeHost,
    machine: Machine = LINUX,
    log: KernelLog | None = None,
    use: CudaUse | None = None,
    container: str | None = None,
    **properties: str,
) -> list[Finding]:
    instance = replace(service(None, **properties), container=container)
    facts = (instance, host.driver(machine), machine, host.nodes(), log, use)
    return list(driver_missing.judge(NEED, *facts))


def _commands(finding: Finding) -> str:
    return "\n".join(command for remedy in finding.remedies for command in remedy.commands)


def test_silent_where_the_driver_works(tmp_path: Path) -> None:
    assert _judge(usual_nodes(loaded(TreeHost(tmp_path)))) == []


def test_no_driver_at_all(tmp_path: Path) -> None:
    host = modules(unloaded(TreeHost(tmp_path, NO_LIBRARY)), "kernel/drivers/net/e1000.ko")
    (finding,) = _judge(host)
    assert finding.title == "No NVIDIA driver is installed"


def test_library_missing_beside_a_loaded_module(tmp_path: Path) -> None:
    (finding,) = _judge(loaded(TreeHost(tmp_path, NO_LIBRARY)))
    assert "libnvidia-ml.so.1 is missing" in finding.title
    assert NO_FILE in str(finding.evidence)
    assert "550.163.01" in finding.remedies[0].title


def test_broken_library(tmp_path: Path) -> None:
    state = NvmlState(error=12, error_text="x", load_error="libnvidia-ml.so.1: file too short")
    (finding,) = _judge(loaded(TreeHost(tmp_path, state)))
    assert "cannot be loaded" in finding.title
    assert "file too short" in str(finding.evidence)


def test_library_missing_on_nixos(tmp_path: Path) -> None:
    (finding,) = _judge(
        loaded(TreeHost(tmp_path, NO_LIBRARY)), Machine(systemd=True, root=True, nixos=True)
    )
    assert "hardware.graphics.enable" in finding.remedies[0].title
    assert "nixos-rebuild switch" in _commands(finding)


def test_nouveau(tmp_path: Path) -> None:
    host = unloaded(TreeHost(tmp_path, NOT_LOADED))
    host.write("/sys/module/nouveau/initstate", "live\n")
    (finding,) = _judge(host)
    assert finding.title.startswith("nouveau holds the GPU")
    assert "blacklist nouveau" in _commands(finding)


@pytest.mark.parametrize(
    "text",
    [
        "Loading of unsigned module is rejected",
        "modprobe: ERROR: could not insert 'nvidia': Required key not available",
        "Loading of module with unavailable key is rejected",
        "Lockdown: systemd-udevd: unsigned module loading is restricted; see kernel_lockdown.7",
    ],
)
def test_secure_boot(tmp_path: Path, text: str) -> None:
    log = KernelLog((KernelLine(1.0, text),))
    assert re.search(COMMAND[COMMAND.index("-g") + 1], text), "it is asked for"
    (finding,) = _judge(unloaded(TreeHost(tmp_path, NOT_LOADED)), log=log)
    assert finding.title.startswith("Secure Boot refused")
    assert text in str(finding.evidence)


@pytest.mark.parametrize("key", ["/var/lib/shim-signed/mok/MOK.der", "/var/lib/dkms/mok.pub", None])
def test_the_key_that_is_enrolled_is_there(tmp_path: Path, key: str | None) -> None:
    host = unloaded(TreeHost(tmp_path, NOT_LOADED))
    if key:
        host.write(key)
    (finding,) = _judge(host, log=REJECTED)
    assert (f"sudo mokutil --import {key}" in _commands(finding)) is bool(key)
    assert ("mokutil --import /" in _commands(finding)) is bool(key)


REJECTED = KernelLog((KernelLine(1.0, "Loading of unsigned module is rejected"),))


def test_another_module_that_secure_boot_refused(tmp_path: Path) -> None:
    """There is none of NVIDIA's for this kernel."""
    host = modules(unloaded(TreeHost(tmp_path, NO_LIBRARY)), "kernel/drivers/net/e1000.ko")
    (finding,) = _judge(host, log=REJECTED)
    assert finding.title == "No NVIDIA driver is installed"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "NVRM: installed in this system requires use of the NVIDIA open kernel modules.",
            "open kernel modules",
        ),
        ("NVRM: supported through the NVIDIA 470.xx Legacy drivers. Please", "too old"),
        ("NVRM: GPU 0000:01:00.0: RmInitAdapter failed! (0x26:0x56:1474)", "could not start"),
        ("NVRM: This PCI I/O region assigned to your NVIDIA device is invalid:", "no room"),
    ],
)
def test_a_card_that_the_driver_does_not_take(tmp_path: Path, line: str, words: str) -> None:
    log = KernelLog((KernelLine(1.0, line),))
    (finding,) = _judge(unloaded(TreeHost(tmp_path, NOT_LOADED)), log=log)
    assert words in finding.title
    assert line in str(finding.evidence)
    # The module may stay, too: then NVML works and counts no GPU.
    host = loaded(TreeHost(tmp_path / "2", replace(WORKS, gpus=())))
    (finding,) = gpu_absent.judge(NEED, service(), host.driver(), LINUX, log)
    assert words in finding.title
    assert _judge(loaded(TreeHost(tmp_path / "3")), log=log) == []


def test_open_modules_on_nixos(tmp_path: Path) -> None:
    log = KernelLog((KernelLine(1.0, "NVRM: requires use of the NVIDIA open kernel modules"),))
    nixos = Machine(systemd=True, root=True, nixos=True)
    (finding,) = _judge(unloaded(TreeHost(tmp_path, NOT_LOADED)), nixos, log)
    assert finding.remedies[0].nix == ("hardware.nvidia.open = true;",)


def test_installed_and_not_loaded(tmp_path: Path) -> None:
    host = unloaded(TreeHost(tmp_path, NOT_LOADED))
    host.write("/sys/firmware/efi/efivars/SecureBoot-8be4df61", "\x06\0\0\0\x01")
    (finding,) = _judge(host)
    assert "not loaded" in finding.title
    assert "Secure Boot is on" in finding.detail
    assert "sudo modprobe nvidia" in _commands(finding)


def test_not_built_for_this_kernel(tmp_path: Path) -> None:
    host = modules(unloaded(TreeHost(tmp_path, NOT_LOADED)), "kernel/drivers/net/e1000.ko")
    (finding,) = _judge(host)
    assert "6.1.0-18-amd64" in finding.title
    assert "dkms" in _commands(finding)


def test_no_gpu_in_the_machine(tmp_path: Path) -> None:
    host = gpu_on_the_bus(unloaded(TreeHost(tmp_path, NO_LIBRARY)), vendor="0x1002")
    (finding,) = _judge(host)
    assert "no NVIDIA GPU" in finding.title


@pytest.mark.parametrize("state", [NO_LIBRARY, NOT_LOADED])
def test_wsl_is_never_told_to_install_a_linux_driver(tmp_path: Path, state: NvmlState) -> None:
    (finding,) = _judge(TreeHost(tmp_path, state), Machine(systemd=True, wsl=True, root=True))
    assert finding.title.startswith("WSL")
    assert _commands(finding) == ""
    assert "On Windows" in finding.remedies[0].title


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (NOT_LOADED, "has no GPU"),
        (NO_LIBRARY, "has no GPU"),
        (NvmlState(error=999, error_text="Unknown Error"), "has lost its access"),
    ],
)
def test_container(tmp_path: Path, state: NvmlState, words: str) -> None:
    (finding,) = _judge(
        loaded(TreeHost(tmp_path, state)), Machine(systemd=False, root=True, container="docker")
    )
    assert words in finding.title
    assert any("On the host: recreate the container" in one.title for one in finding.remedies)


def test_nodes_missing(tmp_path: Path) -> None:
    (finding,) = _judge(loaded(TreeHost(tmp_path, NOT_LOADED)))
    assert "/dev/nvidiactl is missing" in finding.title
    assert "enable --now nvidia-persistenced" in _commands(finding)
    nixos = Machine(systemd=True, root=True, nixos=True)
    (finding,) = _judge(loaded(TreeHost(tmp_path, NOT_LOADED)), nixos)
    assert "systemctl enable" not in _commands(finding)


def test_nodes_made_on_demand(tmp_path: Path) -> None:
    """A setuid nvidia-modprobe creates them for the service, unless its unit forbids that."""
    host = loaded(TreeHost(tmp_path, NOT_LOADED))
    host.write("/usr/bin/nvidia-modprobe")
    (tmp_path / "usr/bin/nvidia-modprobe").chmod(0o4755)
    if not host.driver().modprobe_setuid:
        pytest.skip("needs root, to own a setuid file")
    with pytest.raises(Unknown, match="do not exist yet"):
        _judge(host)
    assert len(_judge(host, NoNewPrivileges="yes")) == 1


def test_stale_node(tmp_path: Path) -> None:
    host = loaded(TreeHost(tmp_path, NOT_LOADED))
    host.node("/dev/nvidiactl", 194, 255)
    (finding,) = _judge(host)
    assert "stale" in finding.title


@pytest.mark.parametrize("code", [4, 17, 999])
def test_only_the_doctor_is_kept_out(tmp_path: Path, code: int) -> None:
    host = usual_nodes(loaded(TreeHost(tmp_path, NvmlState(error=code, error_text="x"))))
    with pytest.raises(Unknown):
        _judge(host)


SEES_NONE = CudaUse(failure="no-gpus", line="No CUDA GPUs are available", source="its log")


def _refused(tmp_path: Path, code: int) -> TreeHost:
    return usual_nodes(loaded(TreeHost(tmp_path, NvmlState(error=code, error_text="x"))))


@pytest.mark.parametrize("code", [4, 17, 999])
def test_refused_and_tabbyapi_sees_none_either(tmp_path: Path, code: int) -> None:
    (finding,) = _judge(_refused(tmp_path, code), use=SEES_NONE)
    assert "No CUDA GPUs are available" in str(finding.evidence)
    assert finding.remedies


@pytest.mark.parametrize("code", [4, 17, 999, 9, 12])
def test_refused_and_tabbyapi_has_its_model_there(tmp_path: Path, code: int) -> None:
    works = CudaUse(works="it has loaded Example")
    assert _judge(_refused(tmp_path, code), use=works) == []


def test_a_driver_removed_while_tabbyapi_runs(tmp_path: Path) -> None:
    """It goes on until its next start."""
    host = modules(unloaded(TreeHost(tmp_path, NO_LIBRARY)), "kernel/drivers/net/e1000.ko")
    (finding,) = _judge(host, use=CudaUse(works="it has loaded Example"))
    assert finding.severity is Severity.WARNING


def test_a_mode_that_keeps_out_a_doctor_who_is_not_root(tmp_path: Path) -> None:
    """What the service may open is for GRP001 to say."""
    with pytest.raises(Unknown):
        _judge(_refused(tmp_path, 4), replace(LINUX, root=False), use=SEES_NONE)


@pytest.mark.parametrize("container", ["docker", "podman", None])
def test_a_container_that_lost_its_gpu(tmp_path: Path, container: str | None) -> None:
    """Seen from inside; an engine may leave no mark of itself."""
    inside = Machine(systemd=False, root=True, container=container)
    (finding,) = _judge(_refused(tmp_path, 999), inside, use=SEES_NONE)
    assert "has lost its access to the GPU" in finding.title
    assert finding.remedies[0].title.startswith("On the host: recreate the container")
    assert ("--force-recreate" in _commands(finding)) is bool(container)


def test_a_container_that_lost_its_gpu_seen_from_outside(tmp_path: Path) -> None:
    """NVML works on the host; the container's log says that CUDA has no GPU."""
    host = usual_nodes(loaded(TreeHost(tmp_path)))
    (finding,) = _judge(host, use=SEES_NONE, container="docker tabbyapi")
    assert finding.title == "The docker tabbyapi container has lost its access to the GPU"
    assert "docker compose up -d --force-recreate" in _commands(finding)
    assert _judge(host, container="docker tabbyapi", use=CudaUse()) == []
    assert _judge(host, use=SEES_NONE) == []


@pytest.mark.parametrize("code", [15, 16, 18])
def test_what_other_checks_tell(tmp_path: Path, code: int) -> None:
    host = loaded(TreeHost(tmp_path, NvmlState(error=code, error_text="x")))
    assert _judge(host) == []
