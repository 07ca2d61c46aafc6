"""What TabbyAPI's pyproject.toml asks of its environment, against what is there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Severity
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.gpu.known_bugs import release
from tabbydoctor.gpu.torch import PythonEnvironment
from tabbydoctor.tabbyapi.extras import Extra, TabbyExtras

from ..python_packages import extra_for, reinstall

_MINOR = re.compile(r"/python3\.(\d{1,2})/")


def python_minor(environment: PythonEnvironment) -> int | None:
    """The minor version of its Python 3, by the directory of its packages."""
    found = _MINOR.search(f"{environment.directories[0]}/")
    return int(found[1]) if found else None


def fitting_extra(environment: PythonEnvironment, asks: TabbyExtras | None) -> str:
    """The extra for its Python, and for the CUDA of the torch that is there."""
    usual = extra_for(environment.torch.cuda if environment.torch else None)
    minor = python_minor(environment)
    if asks is None or minor is None:
        return usual
    fitting = [name for name, one in asks.extras.items() if minor in one.pythons]
    return usual if usual in fitting or not fitting else fitting[0]


def too_old_python(
    environment: PythonEnvironment, asks: TabbyExtras, instance: Instance
) -> Iterator[Finding]:
    """Below what TabbyAPI needs, or without a wheel of what is missing."""
    minor = python_minor(environment)
    if minor is None:
        return
    wheels = frozenset[int]().union(*(one.pythons for one in asks.extras.values()))
    lacks = environment.torch is None or "exllamav3" not in environment.packages
    if minor >= asks.oldest_python and not (lacks and wheels and minor not in wheels):
        return
    known = sorted(one for one in wheels if one >= asks.oldest_python) or [asks.oldest_python]
    span = f"3.{known[0]} to 3.{known[-1]}" if len(known) > 1 else f"3.{known[0]} or newer"
    yield Finding(
        f"TabbyAPI's environment has Python 3.{minor}, and TabbyAPI is made for {span}",
        "There are no wheels of torch and exllamav3 for it: its packages cannot be installed.",
        (
            Evidence(environment.directories[0], f"Python {span}", f"Python 3.{minor}"),
            Evidence(asks.path, None, f"Python {span}"),
        ),
        (reinstall(instance, fitting_extra(environment, asks), f"With another Python ({span})"),),
    )


def remarks(
    environment: PythonEnvironment, asks: TabbyExtras, instance: Instance
) -> Iterator[Finding]:
    """What is behind TabbyAPI's own pin, or lacks and is gone on without."""
    name = fitting_extra(environment, asks)
    extra = asks.extras.get(name, Extra())
    own = environment.packages.get("exllamav3", "")
    remedy = reinstall(instance, name)
    if own and extra.exllamav3 and () < release(own) < release(extra.exllamav3):
        yield Finding(
            f"exllamav3 {own.partition('+')[0]} is behind the {extra.exllamav3} of TabbyAPI's "
            f"extra {name}",
            "TabbyAPI was updated without its packages: it was tried with the newer one.",
            (
                Evidence(environment.directories[0], extra.exllamav3, own),
                Evidence(asks.path, None, f"exllamav3 {extra.exllamav3}"),
            ),
            (remedy,),
            severity=Severity.INFO,
        )
    if own and extra.triton and not {"triton", "pytorch-triton"} & environment.packages.keys():
        yield Finding(
            "Triton is not installed in TabbyAPI's environment",
            "exllamav3 goes on without it: models of linear or windowed attention are slow.",
            (
                Evidence(environment.directories[0], "triton", "not there"),
                Evidence(asks.path, None, f"{name}: triton"),
            ),
            (remedy,),
            severity=Severity.INFO,
        )
