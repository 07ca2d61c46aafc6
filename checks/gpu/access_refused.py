"""Why the driver's nodes are there and may not be opened: a container, a device cgroup, the system.

The kernel answers EPERM where a device cgroup forbids a node (NVML: 999), EACCES where its mode
does (4), EIO or EMFILE where the driver itself does (17).
"""

from __future__ import annotations

from tabbydoctor.api import Finding, Remedy, Safety

from .driver_scene import NO_PERMISSION, REFUSED, UNKNOWN_ERROR, Scene
from .resetting import REBOOT

_RECREATE = {
    "docker": ("docker compose up -d --force-recreate",),
    "podman": ("podman compose up -d --force-recreate",),
}
_PASS_GPU = {
    "docker": "docker run --gpus all …",
    "podman": "podman run --device nvidia.com/gpu=all …",
}
_LASTING = Remedy(
    "So that it stays: name the GPU by CDI (nvidia.com/gpu=all), or let Docker use cgroupfs "
    '("exec-opts": ["native.cgroupdriver=cgroupfs"] in /etc/docker/daemon.json), on the host',
    commands=("sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml",),
)


def recreate(kind: str, passing: str = "with the GPU passed to it") -> Remedy:
    """Make the container anew: its device cgroup is made with it."""
    commands = _RECREATE.get(kind.partition(" ")[0], ())
    return Remedy(f"On the host: recreate the container, {passing}", Safety.MANUAL, commands)


def lost_in(container: str, scene: Scene, *restart: str) -> Finding:
    """A container whose access to the GPU is gone, seen from inside or outside."""
    again = (Remedy("Restart it: its device rules are made with it", Safety.MANUAL, restart),)
    return Finding(
        f"The {container} container has lost its access to the GPU",
        "The nodes are there but may not be opened: this happens to running containers "
        "when `systemctl daemon-reload` is run on the host.",
        scene.seen,
        (*(again if restart else ()), recreate(container), _LASTING),
        caused_by=("CTR017", "CTR019"),
    )


def by_container(scene: Scene) -> Finding | None:
    """A container that has lost its GPU, or never had one."""
    kind = scene.machine.container
    if kind is None:
        return None
    if scene.driver.nvml.error == UNKNOWN_ERROR:
        return lost_in(kind, scene)
    return Finding(
        f"This {kind} container has no GPU",
        "It was started without the GPU, or the host has no working driver: the driver's "
        "library and device nodes come from the host.",
        scene.seen,
        (
            Remedy("On the host: see that nvidia-smi works there", commands=("nvidia-smi",)),
            Remedy(f"On the host: recreate the container with: {_PASS_GPU.get(kind, '')}".strip()),
        ),
    )


def by_system(scene: Scene) -> Finding | None:
    """The nodes are there, TabbyAPI's log says that CUDA finds no GPU, and it is no container."""
    error, nodes = scene.driver.nvml.error, scene.nodes.nodes
    if error not in REFUSED or not scene.use.failure or "/dev/nvidiactl" not in nodes:
        return None
    if scene.machine.container and error == UNKNOWN_ERROR:
        return None
    if error == UNKNOWN_ERROR and not scene.machine.systemd:
        return lost_in("present", scene)  # of an engine that leaves no mark of itself
    if error == NO_PERMISSION:
        what = "may not be opened, not even by root: this is a user namespace, or a container's"
        remedy = Remedy("Start it where the nodes belong to root, or open them with mode 0666")
        return Finding(f"/dev/nvidiactl {what}", "", scene.seen, (remedy,))
    return Finding(
        "The NVIDIA driver is loaded and answers nobody",
        f"{scene.driver.problem}: NVML cannot use it, and neither can TabbyAPI.",
        scene.seen,
        (
            REBOOT,
            Remedy(
                "If it comes again: what the kernel says of it",
                commands=("sudo journalctl -k -b -g NVRM --no-pager",),
            ),
        ),
        caused_by=("GPU007",),
    )
