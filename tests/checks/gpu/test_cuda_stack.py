"""GPU004, GPU005 and GPU009."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from checks.gpu.compute_capability import compute_capability
from checks.gpu.driver_too_old import driver_too_old
from checks.gpu.torch_build import torch_build
from tabbydoctor.api import Absent, Finding, Severity, Unknown
from tabbydoctor.gpu.backend import Backend
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.gpu.torch import PythonEnvironment, TorchBuild
from tabbydoctor.host.data import Account, NvmlGpu
from tabbydoctor.tabbyapi.extras import SHIPPED, Extra, TabbyExtras
from tabbydoctor.tabbyapi.installation import Installation
from tests.checks.gpu.machine_tree import GPU, LINUX, NEED, WORKS, configured, service

SITE = "/srv/tabby/venv/lib/python3.12/site-packages"
TORCH = TorchBuild(f"{SITE}/torch/version.py", "2.9.0+cu128", "12.8")
ENVIRONMENT = PythonEnvironment(
    "/srv/tabby/venv/bin/python", (SITE,), {"exllamav3": "1.4.1+cu128.torch2.9.0"}, TORCH
)
NOW = Installation("/srv/tabby", {}, "x", True, loads_exl2=False, loads_exl3=True)
OLDER = replace(NOW, loads_exl2=True)


def _torch(version: str, cuda: str | None, hip: str | None = None) -> PythonEnvironment:
    return replace(ENVIRONMENT, torch=TorchBuild(TORCH.path, version, cuda, hip))


# GPU004 driver-too-old
def _too_old(
    version: str, environment: PythonEnvironment, variables: dict[str, str] | None = None
) -> list[Finding]:
    driver = Driver(replace(WORKS, driver=version))
    return list(driver_too_old.judge(NEED, service(variables), driver, LINUX, environment))


@pytest.mark.parametrize(
    ("version", "cuda", "severity"),
    [
        ("520.61.05", "12.8", Severity.ERROR),
        ("550.163.01", "12.8", Severity.WARNING),
        ("575.57.08", "13.0", Severity.ERROR),
        ("525.60.13", "12.7", Severity.WARNING),
        ("440.33.01", "11.8", Severity.ERROR),
    ],
)
def test_old_driver(version: str, cuda: str, severity: Severity) -> None:
    (finding,) = _too_old(version, _torch("2.9.0", cuda))
    assert (finding.severity or driver_too_old.severity) is severity
    assert version in finding.title


@pytest.mark.parametrize(
    ("version", "cuda"),
    [("570.26", "12.8"), ("570.124.06", "12.8"), ("580.65.06", "13.0"), ("525.60.13", "12.0")],
)
def test_new_enough_driver(version: str, cuda: str) -> None:
    assert _too_old(version, _torch("2.9.0", cuda)) == []


def test_driver_that_cannot_be_judged() -> None:
    with pytest.raises(Unknown, match=r"CUDA 15\.1"):
        _too_old("580.65.06", _torch("9.0", "15.1"))
    with pytest.raises(Unknown, match="compatibility"):
        _too_old("550.1", ENVIRONMENT, {"LD_LIBRARY_PATH": "/usr/local/cuda/compat"})
    with pytest.raises(Absent):
        _too_old("550.1", _torch("2.9.0+cpu", None))


# GPU005 compute-capability
OLD_GPU = NvmlGpu(1, "NVIDIA Stub 2080", "GPU-1111", 1, compute_capability=(7, 5))


def _capability(
    *gpus: NvmlGpu,
    installation: Installation | None = NOW,
    variables: dict[str, str] | None = None,
    environment: PythonEnvironment = ENVIRONMENT,
    split: list[float] | None = None,
) -> list[Finding]:
    driver = Driver(replace(WORKS, gpus=gpus))
    facts = (service(variables), driver, configured(split), environment, installation)
    return list(compute_capability.judge(*facts))


def test_gpu_below_the_need() -> None:
    (finding,) = _capability(GPU, OLD_GPU)
    assert finding.title.startswith("GPU 1 (NVIDIA Stub 2080) has compute capability 7.5")


def test_gpu_good_enough_or_not_used() -> None:
    assert _capability(GPU) == []
    assert _capability(GPU, OLD_GPU, variables={"CUDA_VISIBLE_DEVICES": "GPU-0000"}) == []
    by_number = {"CUDA_VISIBLE_DEVICES": "0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert _capability(GPU, OLD_GPU, variables=by_number) == []
    assert _capability(GPU, replace(OLD_GPU, compute_capability=None)) == []


def test_older_versions_load_exl2() -> None:
    assert _capability(OLD_GPU, installation=OLDER) == []
    for unknown in (None, replace(NOW, loads_exl2=None)):
        with pytest.raises(Unknown):
            _capability(OLD_GPU, installation=unknown)
        assert _capability(GPU, installation=unknown) == []


def test_numbers_that_may_mean_another_gpu() -> None:
    with pytest.raises(Unknown, match="CUDA_DEVICE_ORDER"):
        _capability(GPU, OLD_GPU, variables={"CUDA_VISIBLE_DEVICES": "0"})


IN_ORDER = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def test_a_share_of_0_leaves_an_old_gpu_out() -> None:
    assert _capability(GPU, OLD_GPU, variables=IN_ORDER, split=[22, 0]) == []
    assert _capability(GPU, OLD_GPU, variables=IN_ORDER, split=[22]) == []
    assert len(_capability(GPU, OLD_GPU, variables=IN_ORDER, split=[22, 8])) == 1
    with pytest.raises(Unknown, match="CUDA_DEVICE_ORDER"):
        _capability(GPU, OLD_GPU, split=[22, 0])


def test_a_single_gpu_needs_no_share() -> None:
    """TabbyAPI ignores gpu_split there."""
    assert len(_capability(OLD_GPU, split=[0])) == 1


def test_rocm() -> None:
    rocm = _torch("2.9.0+rocm6.4", None, "6.4.43482")
    (finding,) = _capability(environment=rocm)
    assert "ROCm" in finding.title
    (remark,) = _capability(environment=rocm, installation=OLDER)
    assert remark.severity is Severity.INFO
    assert "exllamav2" in remark.title


# GPU009 torch-build
def _build(
    environment: PythonEnvironment,
    installation: Installation | None = NOW,
    backend: Backend | None = None,
) -> list[Finding]:
    return list(torch_build.judge(NEED, service(), environment, installation, backend))


@pytest.mark.parametrize(
    ("torch", "cuda", "exllamav3"),
    [
        ("2.9.0+cu128", "12.8", "1.4.1+cu128.torch2.9.0"),
        ("2.9.1", "12.8", "1.4.1+cu128.torch2.9.0"),
        ("2.11.0+cu130", "13.0", "1.4.1+cu132.torch2.11.0"),  # the mix is intended
        ("2.9.0+cu128", "12.8", "1.4.1"),
    ],
)
def test_builds_that_match(torch: str, cuda: str, exllamav3: str) -> None:
    environment = replace(_torch(torch, cuda), packages={"exllamav3": exllamav3})
    assert _build(environment) == []


@pytest.mark.parametrize(
    ("torch", "cuda", "exllamav3"),
    [
        ("2.9.0+cu128", "12.8", "1.4.1+cu132.torch2.11.0"),
        ("2.10.0+cu128", "12.8", "1.4.1+cu128.torch2.1.0"),
        ("2.11.0+cu130", "13.0", "1.4.1+cu128.torch2.11.0"),
    ],
)
def test_builds_that_do_not_match(torch: str, cuda: str, exllamav3: str) -> None:
    environment = replace(_torch(torch, cuda), packages={"exllamav3": exllamav3})
    (finding,) = _build(environment)
    assert finding.title == f"exllamav3 {exllamav3} does not match torch {torch}"


def _asks(required: str | None) -> Backend:
    return Backend("/srv/tabby/backends/exllamav3/model.py", required, "")


@pytest.mark.parametrize("required", ["1.4.2", "1.5", "2.0.0", "1.10.0"])
def test_exllamav3_older_than_tabbyapi_accepts(required: str) -> None:
    (finding,) = _build(ENVIRONMENT, backend=_asks(required))
    assert finding.title == "exllamav3 1.4.1+cu128.torch2.9.0 is older than TabbyAPI accepts"
    assert finding.evidence[0].expected == f"{required} or newer"
    elsewhere = replace(ENVIRONMENT, isolated=False)
    assert _build(elsewhere, backend=_asks(required)) == []


@pytest.mark.parametrize("required", ["1.4.1", "1.4.1.0", "1.4", "0.9.10", None])
def test_exllamav3_new_enough(required: str | None) -> None:
    assert _build(ENVIRONMENT, backend=_asks(required)) == []


def test_exllamav3_built_from_source_is_not_judged_by_its_age() -> None:
    environment = replace(ENVIRONMENT, packages={"exllamav3": "1.0.0"})
    assert _build(environment, backend=_asks("1.4.1")) == []


def test_cpu_build() -> None:
    (finding,) = _build(_torch("2.9.0+cpu", None))
    assert finding.title == "TabbyAPI's torch 2.9.0+cpu is a CPU build"


@pytest.mark.parametrize(("uid", "sudo"), [(5001, "sudo -H -u tabby"), (0, "sudo -H")])
def test_packages_are_installed_as_the_service_s_account(uid: int, sudo: str) -> None:
    one = replace(service(), python="/srv/tabby/venv/bin/python", user=Account("tabby", uid, uid))
    (finding,) = torch_build.judge(NEED, one, _torch("2.9.0+cpu", None), NOW, None)
    assert finding.remedies[0].commands == (
        f"{sudo} /srv/tabby/venv/bin/python -m pip install -U '/srv/tabby[cu12]'",
        "sudo systemctl restart tabbyapi.service",
    )


def test_packages_missing() -> None:
    assert "torch is not" in _build(replace(ENVIRONMENT, torch=None))[0].title
    without = replace(ENVIRONMENT, packages={})
    assert "exllamav3 is not" in _build(without)[0].title
    assert _build(without, OLDER) == []
    elsewhere = replace(ENVIRONMENT, torch=None, isolated=False)
    assert _build(elsewhere) == []


def test_every_page_says_what_to_do() -> None:
    for check in (driver_too_old, compute_capability, torch_build):
        assert "## What to do" in check.page
        assert Path(__file__).parent.name == check.category


# GPU009, by what TabbyAPI's pyproject.toml asks for
ASKS = TabbyExtras(
    "/srv/tabby/pyproject.toml",
    10,
    {
        "cu12": Extra("2.9.0", "1.4.1", frozenset(range(10, 14)), triton=True),
        "cu13": Extra("2.11.0", "1.4.1", frozenset(range(12, 15)), triton=True),
    },
)


def _asked(environment: PythonEnvironment, asks: TabbyExtras = ASKS) -> list[Finding]:
    judged = torch_build.judge(NEED, service(), environment, NOW, None, asks)
    return list(judged)


def _python(minor: int, **packages: str) -> PythonEnvironment:
    site = SITE.replace("3.12", f"3.{minor}")
    return replace(ENVIRONMENT, directories=(site,), packages=packages)


@pytest.mark.parametrize("minor", [8, 9, 15])
def test_a_python_without_wheels(minor: int) -> None:
    (finding,) = _asked(_python(minor))
    assert finding.title.startswith(f"TabbyAPI's environment has Python 3.{minor}")
    assert "3.10 to 3.14" in finding.title


def test_a_newer_python_in_which_all_is_built_is_not_judged() -> None:
    assert _asked(_python(15, exllamav3="1.4.1", triton="3.5")) == []


def test_the_extra_is_the_one_for_its_python() -> None:
    (finding,) = _asked(_python(14))
    assert "[cu13]" in finding.remedies[0].commands[0]
    (finding,) = _asked(_python(11))
    assert "[cu12]" in finding.remedies[0].commands[0]


def test_remarks_on_what_fits() -> None:
    behind = replace(ASKS, extras={"cu12": replace(ASKS.extras["cu12"], exllamav3="1.4.2")})
    found = _asked(replace(ENVIRONMENT, packages={**ENVIRONMENT.packages}), behind)
    assert [one.severity for one in found] == [Severity.INFO, Severity.INFO]
    assert "behind the 1.4.2" in found[0].title
    assert "Triton" in found[1].title
    assert _asked(replace(ENVIRONMENT, packages={**ENVIRONMENT.packages, "triton": "3.5"})) == []
    assert _asked(ENVIRONMENT, SHIPPED) == []
