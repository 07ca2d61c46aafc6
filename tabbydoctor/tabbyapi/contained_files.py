"""TabbyAPI's own files in its container, and what of this machine stands for each."""

from __future__ import annotations

from tabbydoctor.deployment.container import Container
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.facts import Absent
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass

_FILES = ("config.yml", "api_tokens.yml")


@dataclass(frozen=True, slots=True)
class ContainedFile:
    """One of them."""

    inside: str
    """Its path as the container sees it."""
    outside: str = ""
    """The path on this machine of what is mounted there; empty where nothing is."""
    is_directory: bool = False
    replaced: bool = False
    """That path leads to another file by now."""
    mounted: bool = False
    """Something is mounted there, whether or not it has a name on this machine."""
    modified: float | None = None
    """Seconds since the epoch; None where there is no such file."""


@dataclass(frozen=True, slots=True)
class ContainedFiles:
    """Those that a container has."""

    files: tuple[ContainedFile, ...] = ()
    seen: bool = True
    """The mounts of the container may be looked at."""
    nodes: tuple[str, ...] | None = None
    """The NVIDIA device nodes in it; None where they may not be looked at."""


def contained_files(host: Host, instance: Instance) -> ContainedFiles:
    """Look at them. Raises Absent where TabbyAPI runs in no container."""
    box = instance.contained
    if box is None:
        raise Absent("TabbyAPI runs in no container")
    if box.mounts is None:
        return ContainedFiles(seen=False)
    files = tuple(_file(host, box, f"{instance.directory}/{name}") for name in _FILES)
    if box.ended:  # what it was asked for is all there is
        return ContainedFiles(files, nodes=None if box.gpu is None else ())
    return ContainedFiles(files, nodes=_nodes(host, box.root))


def _file(host: Host, box: Container, path: str) -> ContainedFile:
    mount = box.mount(path)
    named = mount.outside if mount and mount.inside == box.inside(path) else box.outside(path)
    replaced = bool(mount and mount.replaced)
    try:
        status = host.status(box.path(path))
    except OSError:
        return ContainedFile(box.inside(path), named, replaced=replaced, mounted=mount is not None)
    return ContainedFile(
        box.inside(path), named, status.is_directory, replaced, mount is not None, status.modified
    )


def _nodes(host: Host, root: str) -> tuple[str, ...] | None:
    try:
        return tuple(name for name in host.names(f"{root}/dev") if name.startswith("nvidia"))
    except OSError:
        return None


GATHERERS = (contained_files,)
