"""GPU014: where libcuda.so.1 is, and where the service looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from checks.gpu.cuda_library import cuda_library as check
from tabbydoctor.api import Absent, Finding
from tabbydoctor.deployment.parts import Machine
from tabbydoctor.gpu.cuda_library import cuda_library
from tabbydoctor.gpu.cuda_use import CudaUse
from tabbydoctor.host.data import CommandResult
from tests.checks.gpu.machine_tree import LINUX, NEED, WORKS, TreeHost, loaded, service

CACHE = "\tlibcuda.so.1 ({marks}) => {path}\n\tlibc.so.6 (libc6,x86-64) => /lib/libc.so.6\n"
OTHER = "/opt/nvidia/lib64/libcuda.so.1"
NO_DRIVER = CudaUse(failure="no-libcuda", line="Found no NVIDIA driver", source="its log")
WSL = replace(LINUX, wsl=True)


def _host(tmp_path: Path, cached: str = "", marks: str = "libc6,x86-64") -> TreeHost:
    host = loaded(TreeHost(tmp_path))
    shown = CACHE.format(marks=marks, path=cached) if cached else "\tlibc.so.6 (libc6) => /x\n"
    host.commands["ldconfig"] = CommandResult(("ldconfig", "-p"), 0, shown)
    if cached:
        host.write(cached)
    return host


def _judge(
    host: TreeHost,
    machine: Machine = LINUX,
    use: CudaUse | None = None,
    environment: Mapping[str, str] | None = None,
) -> list[Finding]:
    instance = service(environment)
    library = cuda_library(host, NEED, instance)
    return list(check.judge(NEED, instance, machine, host.driver(machine), library, use))


@pytest.mark.parametrize(
    "path", ["/lib/x86_64-linux-gnu/libcuda.so.1", "/usr/lib64/libcuda.so.1", OTHER]
)
def test_in_the_linkers_cache(tmp_path: Path, path: str) -> None:
    assert _judge(_host(tmp_path, path)) == []


@pytest.mark.parametrize("directory", ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/lib64"])
def test_in_a_standard_directory_without_a_cache(tmp_path: Path, directory: str) -> None:
    host = loaded(TreeHost(tmp_path))
    host.write(f"{directory}/libcuda.so.1")
    assert _judge(host) == []


def test_in_a_directory_of_the_services_own(tmp_path: Path) -> None:
    host = _host(tmp_path)
    host.write(OTHER)
    path = {"LD_LIBRARY_PATH": "/usr/local/lib:/opt/nvidia/lib64/"}
    assert _judge(host, environment=path) == []


def test_not_where_the_service_looks(tmp_path: Path) -> None:
    host = _host(tmp_path)
    host.write(OTHER)
    (finding,) = _judge(host, environment={"LD_LIBRARY_PATH": "/opt/x"})
    assert finding.title == "libcuda.so.1 is not where tabbyapi.service looks for libraries"
    assert (
        "Environment=LD_LIBRARY_PATH=/opt/nvidia/lib64:/opt/x" in (finding.remedies[0].commands[1])
    )


@pytest.mark.parametrize(
    ("distribution", "command"),
    [
        ("debian", "sudo apt-get install libcuda1"),
        ("ubuntu", "sudo apt-get install libnvidia-compute-550"),
        ('"fedora"', "sudo dnf install xorg-x11-drv-nvidia-cuda-libs"),
        ("other", "sudo systemctl restart tabbyapi.service"),
    ],
)
def test_not_installed(tmp_path: Path, distribution: str, command: str) -> None:
    host = _host(tmp_path)
    host.write("/etc/os-release", f'NAME="X"\nVERSION_ID="12"\nID={distribution}\n')
    (finding,) = _judge(host, use=NO_DRIVER)
    assert finding.remedies[0].commands[0] == command
    assert "Found no NVIDIA driver" in str(finding.evidence)


STUBS = "/usr/local/cuda/lib64/stubs"


@pytest.mark.parametrize(
    ("path", "setting"),
    [
        (STUBS, "UnsetEnvironment=LD_LIBRARY_PATH"),
        (f"{STUBS}/:/opt/x", "Environment=LD_LIBRARY_PATH=/opt/x"),
    ],
)
def test_a_stub_of_the_toolkit(tmp_path: Path, path: str, setting: str) -> None:
    host = _host(tmp_path, "/usr/lib64/libcuda.so.1")
    host.write(f"{STUBS}/libcuda.so.1")
    (finding,) = _judge(host, environment={"LD_LIBRARY_PATH": path})
    assert "a stub of libcuda.so.1" in finding.title
    assert setting in finding.remedies[0].commands[1]
    assert _judge(host, environment={"LD_LIBRARY_PATH": "/usr/lib64:" + STUBS}) == []


def test_32_bits_are_none(tmp_path: Path) -> None:
    assert len(_judge(_host(tmp_path, "/usr/lib/i386-linux-gnu/libcuda.so.1", "libc6"))) == 1


def test_a_cache_that_names_what_is_gone(tmp_path: Path) -> None:
    host = _host(tmp_path, OTHER)
    (tmp_path / OTHER[1:]).unlink()
    assert len(_judge(host)) == 1


def test_silent_where_tabbyapi_has_its_model(tmp_path: Path) -> None:
    assert _judge(_host(tmp_path), use=CudaUse(works="it has loaded Example")) == []


def test_nixos_is_judged_by_the_log_alone(tmp_path: Path) -> None:
    nixos = replace(LINUX, nixos=True)
    host = loaded(TreeHost(tmp_path))
    host.write("/run/opengl-driver/lib/libcuda.so.1")
    assert _judge(host, nixos) == []
    (finding,) = _judge(host, nixos, NO_DRIVER)
    assert any("/run/opengl-driver/lib" in line for line in finding.remedies[0].nix)


def test_nixos_without_the_drivers_libraries(tmp_path: Path) -> None:
    (finding,) = _judge(loaded(TreeHost(tmp_path)), replace(LINUX, nixos=True), NO_DRIVER)
    assert finding.remedies[0].nix == ("hardware.graphics.enable = true;",)


def test_wsl(tmp_path: Path) -> None:
    host = _host(tmp_path, "/usr/lib/wsl/lib/libcuda.so.1")
    assert _judge(host, WSL) == []


def test_wsl_without_the_cache_entry(tmp_path: Path) -> None:
    host = _host(tmp_path)
    host.write("/usr/lib/wsl/lib/libcuda.so.1")
    (finding,) = _judge(host, WSL)
    assert "ld.so.conf.d" in finding.remedies[0].commands[0]


def test_wsl_with_a_linux_drivers_library(tmp_path: Path) -> None:
    host = _host(tmp_path, "/lib/x86_64-linux-gnu/libcuda.so.1")
    (finding,) = _judge(host, WSL)
    assert "hides that of Windows" in finding.title
    assert "install" not in str(finding.remedies)


@pytest.mark.parametrize("given", ["utility", ""])
def test_a_container_without_the_compute_part(tmp_path: Path, given: str) -> None:
    inside = replace(LINUX, container="docker")
    environment = {"NVIDIA_DRIVER_CAPABILITIES": given} if given else {}
    (finding,) = _judge(_host(tmp_path), inside, environment=environment)
    assert "NVIDIA_DRIVER_CAPABILITIES=compute,utility" in finding.remedies[0].title
    assert (f"(it has {given})" in finding.remedies[0].title) is bool(given)


def test_not_judged(tmp_path: Path) -> None:
    instance = replace(service(), container="docker tabbyapi")
    with pytest.raises(Absent, match="look inside"):
        cuda_library(_host(tmp_path), NEED, instance)
    broken = TreeHost(tmp_path, replace(WORKS, error=9, error_text="x"))
    with pytest.raises(Absent, match="does not work"):
        _judge(broken)
