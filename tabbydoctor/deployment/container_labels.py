"""What SELinux lets a container use: its process, its device nodes and mounts by their labels.

A label is `user:role:type:level`, a level `s0` or `s0:c1,c2` (selinux(8)); the types and booleans
are those of container-selinux.
"""

from __future__ import annotations

from collections.abc import Mapping

from tabbydoctor.deployment.container import Container, Mount
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.host import Account, FileStatus, Host
from tabbydoctor.records import dataclass, field

_SELINUX = "/sys/fs/selinux"
_BOOLEANS = ("container_use_devices", "container_use_xserver_devices")
_MOST = 64
"""Mounts and nodes that are looked at."""


@dataclass(frozen=True, slots=True)
class Label:
    """Of a process or a file."""

    text: str

    @property
    def type(self) -> str:
        """Its third part, by which SELinux decides; empty where it has none."""
        return (*self.text.split(":", 4), "", "", "")[2]

    @property
    def categories(self) -> frozenset[int] | None:
        """The numbers of its level (`c1,c2.c4`); None where that cannot be read."""
        level = (*self.text.split(":", 4), "", "", "", "", "")[4].split("-")[-1]
        found: set[int] = set()
        for part in level.rpartition(":")[2].split(",") if level else ():
            first, _, last = part.partition(".")
            ends = [one[1:] for one in (first, last or first)]
            if not all(end.isdecimal() and len(end) < 5 for end in ends):
                return None
            found.update(range(int(ends[0]), int(ends[1]) + 1))
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class LabelledMount:
    """Something that is mounted, and its label."""

    mount: Mount
    label: Label
    shaper: Account | None = None
    """Who could have bent the way to it on this machine; None for root alone."""


@dataclass(frozen=True, slots=True)
class ContainerLabels:
    """Of a container on a machine where SELinux is in force."""

    process: Label
    """Of TabbyAPI's process."""
    nodes: Mapping[str, Label] = field(default_factory=dict)
    """The NVIDIA device nodes in it, path -> label."""
    mounts: tuple[LabelledMount, ...] = ()
    booleans: Mapping[str, bool] = field(default_factory=dict)
    """Those of the policy that open devices to containers, as they are; absent: it has no such."""


def container_labels(host: Host, instance: Instance) -> ContainerLabels:
    """Read them. Raises Absent where SELinux keeps nothing from a container, Unknown where they may
    not be read."""
    box = instance.contained
    if box is None or box.ended:
        raise Absent("TabbyAPI runs in no container")
    if _text(host, f"{_SELINUX}/enforce") != "1":
        raise Absent("SELinux is not in force on this machine")
    own = _text(host, f"/proc/{box.pid}/attr/current")
    if not own:
        raise Unknown(f"the SELinux label of {box.label} may not be read (use sudo)")
    states = {name: _text(host, f"{_SELINUX}/booleans/{name}") for name in _BOOLEANS}
    return ContainerLabels(
        Label(own),
        _nodes(host, f"{box.root}/dev"),
        _mounts(host, box),
        {name: state.startswith("1") for name, state in states.items() if state},
    )


def _text(host: Host, path: str) -> str:
    try:
        return host.read(path, 4096).text().strip("\0\n ")
    except OSError:
        return ""


def _status(host: Host, path: str) -> FileStatus | None:
    try:
        return host.way(path).leaf
    except OSError:
        return None


def _nodes(host: Host, directory: str) -> dict[str, Label]:
    """A file or link that only has the name of a node is none."""
    try:
        names = [name for name in host.names(directory) if name.startswith("nvidia")]
    except OSError:
        return {}
    found = {}
    for name in names[:_MOST]:
        try:
            status = host.status(f"{directory}/{name}", follow=False)
        except OSError:
            continue
        if status.is_device and status.label:
            found[f"/dev/{name}"] = Label(status.label)
    return found


def _mounts(host: Host, box: Container) -> tuple[LabelledMount, ...]:
    found = []
    for mount in (box.mounts or ())[:_MOST]:
        status = _status(host, f"{box.root}{mount.inside}")
        if status and status.label:
            found.append(LabelledMount(mount, Label(status.label), _shaper(host, mount)))
    return tuple(found)


def _shaper(host: Host, mount: Mount) -> Account | None:
    try:
        shaper = host.way(mount.outside).shaper if mount.outside else None
    except OSError:
        return None
    if shaper is None or shaper.uid == 0:
        return None
    uid = shaper.uid
    known = host.account(uid) if uid is not None else None
    return known or Account("", -1 if uid is None else uid, -1)


GATHERERS = (container_labels,)
