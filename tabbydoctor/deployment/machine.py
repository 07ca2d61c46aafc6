"""What kind of machine this is."""

from __future__ import annotations

import re

from tabbydoctor.deployment.parts import Connections, Machine, ProcessTable
from tabbydoctor.documents import whole_number
from tabbydoctor.host import Host


def machine(host: Host) -> Machine:
    """systemd, NixOS, WSL, container, root."""
    manager = host.run(["systemctl", "show", "--property=Version", "--value"], timeout=5.0)
    version = re.search(r"\d+", manager.stdout)
    return Machine(
        systemd=manager.code == 0,
        systemd_version=whole_number(version[0]) if version else None,
        systemd_problem=_problem(host, manager.code, manager.stderr),
        nixos=_there(host, "/etc/NIXOS"),
        wsl=_there(host, "/dev/dxg") or _there(host, "/proc/sys/fs/binfmt_misc/WSLInterop"),
        root=host.effective_uid() == 0,
        container=_container(host),
    )


def process_table(host: Host) -> ProcessTable:
    """Processes and listening sockets."""
    return ProcessTable(tuple(host.processes()), tuple(host.listeners()))


def connections(host: Host) -> Connections:
    """The TCP connections."""
    return Connections(tuple(host.connections()))


def _problem(host: Host, code: int, errors: str) -> str:
    """Why systemd cannot be asked although it seems to be there."""
    if code == 0 or code == 127 or not _there(host, "/run/systemd/system"):
        return ""
    words = errors.strip().splitlines()
    return f"systemd runs but does not answer ({words[-1] if words else 'time limit'}); try as root"


def _there(host: Host, path: str) -> bool:
    try:
        host.status(path)
    except OSError:
        return False
    return True


def _container(host: Host) -> str | None:
    if _there(host, "/run/.containerenv"):
        return "podman"
    if _there(host, "/.dockerenv"):
        return "docker"
    return None


GATHERERS = (machine, process_table, connections)
