"""TabbyAPI's Python environment has a torch or exllamav3 that cannot work together or on a GPU.

## What it checks
That torch is there and built for CUDA, that the exllamav3 wheel was built for this torch, that
it is not older than the installed TabbyAPI accepts, and that there are wheels for this Python.
Where all that fits: whether exllamav3 is behind TabbyAPI's own pin, or Triton lacks (a remark).

## Why it matters
A CPU build of torch sees no GPU. A wheel for another torch ends in "undefined symbol" or
"libcudart.so… cannot open" at start. With an older exllamav3 TabbyAPI loads no model: "TabbyAPI
requires exllamav3 … or greater".

## How it is told
From `torch/version.py` and the names in site-packages; nothing is imported. A wheel's tag
`+cu128.torch2.9.0` must name torch's own release and CUDA generation; another minor release of
CUDA (cu130 with cu132) is as TabbyAPI intends. The oldest version it accepts stands in its
`backends/exllamav3/model.py`, what it is tried with in the extras of its `pyproject.toml` (else
in a table of August 2026). An exllamav3 built from source has no tag and is not judged.

## What to do
Install TabbyAPI's own extra again in its environment, `cu12` or `cu13`, as its start script does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.gpu.backend import Backend
from tabbydoctor.gpu.known_bugs import release
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.gpu.torch import PythonEnvironment, TorchBuild
from tabbydoctor.tabbyapi.extras import SHIPPED, TabbyExtras
from tabbydoctor.tabbyapi.installation import Installation

from ..python_packages import reinstall
from .floors import fitting_extra, remarks, too_old_python

_TAG = re.compile(r"\+cu(\d+)(?:\.torch(\d+\.\d+)[\d.]*)?")


@check("GPU009", "torch-build", category="gpu", severity=Severity.ERROR)
def torch_build(
    need: GpuNeed,
    instance: Instance,
    environment: PythonEnvironment,
    installation: Installation | None,
    backend: Backend | None,
    asks: TabbyExtras | None = None,
) -> Iterator[Finding]:
    if asks and environment.isolated:
        other_python = list(too_old_python(environment, asks, instance))
        if other_python:
            yield from other_python
            return
    found = False
    for finding in _unfit(need, instance, environment, installation, backend, asks):
        found = True
        yield finding
    if asks and asks is not SHIPPED and environment.isolated and not found:
        yield from remarks(environment, asks, instance)


def _unfit(
    need: GpuNeed,
    instance: Instance,
    environment: PythonEnvironment,
    installation: Installation | None,
    backend: Backend | None,
    asks: TabbyExtras | None,
) -> Iterator[Finding]:
    torch, remedy = environment.torch, reinstall(instance, fitting_extra(environment, asks))
    if torch is None:
        if environment.isolated:
            yield _missing("torch", environment, remedy)
        return
    if torch.cuda is None and torch.hip is None:
        yield Finding(
            f"TabbyAPI's torch {torch.version} is a CPU build",
            f"It sees no GPU, and TabbyAPI needs one: {need.reason}.",
            (Evidence(torch.path, "cuda = '12.8' or the like", "cuda = None"),),
            (remedy,),
        )
    exllamav3 = environment.packages.get("exllamav3")
    if exllamav3 is None:
        if environment.isolated and _needs_exllamav3(installation):
            yield _missing("exllamav3", environment, remedy)
        return
    if torch.cuda is not None:
        yield from _mismatch(torch, exllamav3, environment, remedy)
    if backend and environment.isolated:
        yield from _too_old(exllamav3, backend, environment, remedy)


def _needs_exllamav3(installation: Installation | None) -> bool:
    return (
        installation is not None
        and installation.loads_exl3 is True
        and installation.loads_exl2 is False
    )


def _mismatch(
    torch: TorchBuild, exllamav3: str, environment: PythonEnvironment, remedy: Remedy
) -> Iterator[Finding]:
    tag = _TAG.search(exllamav3)
    if tag is None:  # built from source: nothing to compare
        return
    # cu128 is 12.8, cu130 13.0: all but the last digit is the generation.
    generation = (torch.cuda or "").partition(".")[0]
    other_torch = tag[2] is not None and not re.match(rf"{re.escape(tag[2])}(\D|$)", torch.version)
    if tag[1][:-1] != generation or other_torch:
        yield Finding(
            f"exllamav3 {exllamav3} does not match torch {torch.version}",
            "The wheel was built for another torch or CUDA generation and will not load.",
            (
                Evidence(torch.path, actual=f"torch {torch.version}, CUDA {torch.cuda}"),
                Evidence(environment.directories[0], actual=f"exllamav3 {exllamav3}"),
            ),
            (remedy,),
        )


def _too_old(
    exllamav3: str, backend: Backend, environment: PythonEnvironment, remedy: Remedy
) -> Iterator[Finding]:
    required = backend.required
    if required is None or not _TAG.search(exllamav3) or release(exllamav3) >= release(required):
        return
    yield Finding(
        f"exllamav3 {exllamav3} is older than TabbyAPI accepts",
        f"The installed TabbyAPI loads models with {required} or newer, and refuses to otherwise.",
        (
            Evidence(environment.directories[0], f"{required} or newer", exllamav3),
            Evidence(backend.path, actual=f'check_package_version("exllamav3", "{required}")'),
        ),
        (remedy,),
    )


def _missing(package: str, environment: PythonEnvironment, remedy: Remedy) -> Finding:
    return Finding(
        f"{package} is not installed in TabbyAPI's environment",
        "TabbyAPI cannot load a model without it.",
        (Evidence(environment.directories[0], package, "not there"),),
        (remedy,),
    )
