"""What is said of a process that holds memory of a GPU, and what may be stopped by a command.

Only a program that serves or runs a model gets a command, and only where the command ends no more
than that: never the desktop, a container engine, or a service that runs what others gave it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from fnmatch import fnmatchcase

from tabbydoctor.api import Remedy, Safety
from tabbydoctor.gpu.byte_range import gib
from tabbydoctor.gpu.memory_room import MemoryHolder

_PROGRAMS = (
    *("python*", "pypy*", "llama*", "ollama*", "vllm*", "sglang*", "koboldcpp*", "tritonserver"),
    *("text-generation-*", "text-embeddings-*", "whisper*", "sd-server", "lmdeploy*", "mlc*"),
)
"""Names of programs that load models, in small letters."""
_OF_THE_SYSTEM = (
    *("*display-manager*", "gdm*", "sddm*", "lightdm*", "lxdm*", "xdm*", "greetd*", "emptty*"),
    *("xrdp*", "*vnc*", "user@*", "systemd-*", "*dbus*", "polkit*", "getty*", "serial-getty*"),
    *("docker*", "containerd*", "podman*", "crio*", "cri-*", "kube*", "k3s*", "rke2*", "nomad*"),
    *("libvirt*", "virt*", "lxc*", "lxd*", "incus*", "nvidia-*", "networkmanager*", "ssh*"),
    *("dropbear*", "cron*", "anacron*", "atd*", "rc-local*", "slurm*", "munge*", "jupyter*"),
    *("supervisor*", "pm2-*", "gitlab-runner*", "actions.runner.*", "jenkins*", "screen*", "tmux*"),
)
"""Units that hold more than one program, or whose end ends more, in small letters."""


def free_memory(holder: MemoryHolder) -> Remedy:
    """The command that ends it, where that is safe to offer; otherwise who holds how much."""
    held = f", which holds {gib(holder.used_bytes)} GiB" if holder.used_bytes else ""
    if holder.name is None or holder.pid == 1:
        return Remedy(f"Stop process {holder.pid}{held}")
    process = f"{holder.name}, process {holder.pid}"
    if holder.container:
        return Remedy(f"Stop {process} in the container {holder.container}{held}")
    if not _matches(holder.name.lstrip("."), _PROGRAMS) or _of_the_system(holder):
        place = f" of {holder.unit}" if holder.unit else ""
        return Remedy(f"See whether you can do without {process}{place}{held}")
    if holder.unit:
        stop = f"sudo systemctl stop {shlex.quote(holder.unit)}"
        return Remedy(f"Stop {holder.unit}{held}", Safety.UNSAFE, (stop,))
    return Remedy(f"Stop {process}{held}", Safety.UNSAFE, (f"sudo kill {holder.pid}",))


def _of_the_system(holder: MemoryHolder) -> bool:
    return holder.unit is not None and _matches(holder.unit, _OF_THE_SYSTEM)


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name.lower(), pattern) for pattern in patterns)
