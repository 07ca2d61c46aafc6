"""Commands that install Python packages into TabbyAPI's environment."""

from __future__ import annotations

import shlex

from tabbydoctor.api import Remedy
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.gpu.torch import PythonEnvironment


def pip_install(instance: Instance, *packages: str) -> str:
    """As its own account: what root installs there, TabbyAPI may not be able to replace.

    In a container by its engine's client; it lasts until the next one is made.
    """
    box = instance.contained
    if box is not None:
        own = instance.python if instance.python and "/" in instance.python else ""
        python = shlex.quote(box.inside(own) if own else "python3")
        within = f"{box.client} exec {box.called} {python}"
        return f"{within} -m pip install -U {shlex.join(packages)}"
    return (
        f"{as_account(instance)} {shlex.quote(instance.python or 'python')} -m pip install -U "
        + (shlex.join(packages))
    )


def own_extra(instance: Instance, name: str) -> str:
    """TabbyAPI itself with one of the extras that its pyproject.toml names."""
    box = instance.contained
    directory = instance.main_directory
    return f"{box.inside(directory) if box else directory}[{name}]"


def extra_for(cuda: str | None) -> str:
    """The extra for a driver that runs a torch of that CUDA; cu12 where there is none yet."""
    return "cu13" if cuda and cuda.startswith("13.") else "cu12"


def reinstall(instance: Instance, extra: str, how: str = "") -> Remedy:
    """Installing TabbyAPI's extra again, which brings torch and exllamav3 of one kind."""
    first = f"{how}, install" if how else "Install"
    return Remedy(
        f"{first} TabbyAPI's extra again in its environment (cu13 for drivers from 580, else cu12)",
        commands=(pip_install(instance, own_extra(instance, extra)), *instance.restart),
    )


def git_pull(instance: Instance) -> str:
    """The newest TabbyAPI, which asks for the newest exllamav3 it was tried with."""
    box = instance.contained
    if box is not None:
        directory = shlex.quote(box.inside(instance.main_directory))
        within = f"{box.client} exec {box.called} git -C {directory} pull --ff-only"
        return f"{box.client} pull {shlex.quote(box.image)}" if box.image else within
    return f"{as_account(instance)} git -C {shlex.quote(instance.main_directory)} pull --ff-only"


def update(instance: Instance, *, keeps_exl2: bool = False) -> tuple[str, ...]:
    """The newest TabbyAPI with its packages, or the newest that still loads exl2 models."""
    pull = last_with_exl2(instance) if keeps_exl2 else git_pull(instance)
    return pull, pip_install(instance, own_extra(instance, "cu12"))


def last_with_exl2(instance: Instance) -> str:
    """The state of TabbyAPI before it dropped exllamav2 (2026-07-14; facts/tabbyapi.md)."""
    last = 'git checkout "$(git rev-list -1 --before=2026-07-14 origin/main)"'
    steps = f"cd {shlex.quote(instance.main_directory)} && git fetch origin && {last}"
    return f"{as_account(instance)} sh -c {shlex.quote(steps)}"


def only_exl2(environment: PythonEnvironment | None) -> bool:
    """Whether it runs on exllamav2 alone: the newest TabbyAPI would load none of its models."""
    packages = environment.packages if environment else {}
    return "exllamav2" in packages and "exllamav3" not in packages


UNTIL_EXL2_ENDED = " (as it was before 2026-07-14: later ones load no exl2)"


def as_account(instance: Instance) -> str:
    """`sudo` as TabbyAPI's account, to put a command behind."""
    user = instance.user
    return "sudo -H" + (f" -u {shlex.quote(user.name)}" if user and user.uid else "")
