"""A container as it is seen from outside: what of it belongs to this machine. Plain data."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable, Mapping

from tabbydoctor.host.data import Account
from tabbydoctor.records import dataclass, field, replace

_SHAPES = (
    (re.compile(r"docker[-/]([0-9a-f]{12,64})"), "docker"),
    (re.compile(r"libpod-(?:conmon-|payload-)?([0-9a-f]{12,64})"), "podman"),
    (re.compile(r"cri-containerd-([0-9a-f]{12,64})"), "containerd"),
    (re.compile(r"kubepods.*/([0-9a-f]{64})"), "kubernetes"),
    (re.compile(r"(?:lxc|machine)[./]([\w.-]+?)(?:\.scope|/|$)"), "container"),
)


def engine_and_id(cgroup: str) -> tuple[str, str] | None:
    """Of the container that a control group is in; None for one of the host."""
    for shape, kind in _SHAPES:
        found = shape.search(cgroup)
        if found:
            return kind, found[1]
    return None


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or directory of this machine that a container sees at a path of its own."""

    inside: str
    outside: str
    """Its path on this machine; empty where that cannot be told (another file system)."""
    replaced: bool = False
    """The path leads to another file by now: the container has the one that was there before."""


@dataclass(frozen=True, slots=True)
class Publication:
    """A port of a container that this machine answers for."""

    address: str
    """On which address of this machine; a wildcard for all."""
    port: int
    inner: int | None = None
    """The port inside; None where it cannot be told."""
    seen: str = ""
    """By what it was seen, in words."""

    @property
    def shown(self) -> str:
        """`address:port`, an IPv6 address in brackets."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a container came to its end, by its engine's record."""

    code: int | None = None
    """The exit status; None where that is not known."""
    out_of_memory: bool = False
    error: str = ""
    """Why its engine could not start it, in the engine's words; empty where it ran."""
    started: float = 0.0
    """When it began, in seconds since the epoch; 0 where it never ran, or that is not known."""
    stopped: bool = False
    """Somebody stopped it."""
    restarts: int = 0
    """How often its engine has started it again."""
    again: bool = False
    """Its engine is about to start it again."""
    argv: tuple[str, ...] = ()
    """What it ran."""
    uid: int | None = None
    """The number of the account that it ran as; None where that has only a name inside."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What of its environment is TabbyAPI's."""


@dataclass(frozen=True, slots=True)
class EngineAnswer:
    """What its engine answered of a container, where its records may not be read."""

    by: str
    """Whose word it is, for messages."""
    tabbyapi: bool = False
    """By its image, name, files or variables it is made for TabbyAPI."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What of its environment is TabbyAPI's."""
    closed: bool = False
    """The container's file system may not be entered by the doctor."""
    mounts_alone: bool = False
    """Its mounts are known by that answer alone: whether they still lead there is not seen."""
    differences: tuple[str, ...] = ()
    """In what it is not as it is seen from outside, which counts."""


@dataclass(frozen=True, slots=True)
class Container:
    """The container that TabbyAPI runs in."""

    engine: str
    """`docker`, `podman`, `containerd`, `kubernetes`, or `container`."""
    id: str
    """As the engine numbers it."""
    pid: int
    """A process in it: `/proc/PID/root` is its file system."""
    directory: str
    """The working directory of that process, as it sees it."""
    name: str = ""
    """As its owner named it; empty where that is not known."""
    mounts: tuple[Mount, ...] | None = ()
    """Nearest to the root first; None where they may not be seen."""
    own_network: bool | None = None
    """It has a network of its own; False where it shares this machine's, None where unseen."""
    listens: tuple[tuple[str, int], ...] | None = None
    """Address and port of the sockets inside, as they are bound; None where unseen."""
    addresses: tuple[str, ...] = ()
    """Its own, in its network."""
    published: tuple[Publication, ...] = ()
    published_known: bool = False
    """`published` are all there are."""
    log: str = ""
    """The file in which the engine keeps its output; empty where there is none that is known."""
    to_journal: bool = False
    """The engine gives its output to the journal."""
    labels: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    gpu: bool | None = None
    """A GPU was asked for as it was made; None where that cannot be told."""
    created: float = 0.0
    """When it was made, in seconds since the epoch; 0 where that is not known."""
    health_test: tuple[str, ...] = ()
    """The words of its health check; none without one."""
    health: str = ""
    """What its engine makes of that: `healthy`, `unhealthy`, `starting`; empty without one."""
    owner: Account | None = None
    """Whose engine it is, of a rootless one; None for the system's."""
    monitor: int = 0
    """The process that Podman lets stand over it (conmon); 0 where there is none that is known."""
    unit: str = ""
    """The systemd unit that runs it (a quadlet's); empty without one."""
    source: str = ""
    """The quadlet that this unit is made from; empty without one."""
    ended: Ending | None = None
    """It does not run: of its files only those are seen that are mounted; None while it runs."""

    answer: EngineAnswer | None = None
    """What its engine had to be asked for; None where nothing was, or it did not answer."""

    @property
    def closed(self) -> bool:
        """Whether of its files only those can be looked at that are mounted by name."""
        return self.ended is not None or (self.answer is not None and self.answer.closed)

    @property
    def label(self) -> str:
        """`docker 4b1d4b1d4b1d`, for messages."""
        return f"{self.engine} {self.name or self.id[:12]}"

    @property
    def called(self) -> str:
        """What the engine's client knows it by, quoted."""
        return shlex.quote(self.name or self.id[:12])

    @property
    def root(self) -> str:
        """Its `/`, as root of this machine reaches it."""
        return f"/proc/{self.pid}/root"

    @property
    def client(self) -> str:
        """How the engine's client is called for it; empty where it is not known."""
        if self.engine not in ("docker", "podman"):
            return ""
        if self.owner:
            runtime = f"XDG_RUNTIME_DIR=/run/user/{self.owner.uid}"
            return f"sudo -u {shlex.quote(self.owner.name)} {runtime} {self.engine}"
        return f"sudo {self.engine}"

    @property
    def storage(self) -> str:
        """Where its engine keeps what is the container's alone, by default."""
        if self.engine == "podman":
            own = f"{self.owner.home}/.local/share" if self.owner else "/var/lib"
            return f"{own}/containers/storage"
        if self.engine == "docker":
            return f"{self.owner.home}/.local/share/docker" if self.owner else "/var/lib/docker"
        return "/var/lib"

    @property
    def restart(self) -> tuple[str, ...]:
        """The command after which it serves anew, its files kept; none where it is not known."""
        verb = "start" if self.ended else "restart"
        return (f"{self.client} {verb} {self.called}",) if self.client else ()

    @property
    def logs(self) -> str:
        """The command that shows its output; empty where it is not known."""
        return f"{self.client} logs --tail 50 {self.called}" if self.client else ""

    @property
    def compose_file(self) -> str:
        """The first compose file it was made from; empty without one."""
        files = self.labels.get("com.docker.compose.project.config_files", "")
        return files.split(",")[0]

    @property
    def service(self) -> str:
        """Its service in that file."""
        return self.labels.get("com.docker.compose.service", "")

    def recreate(self, *options: str) -> tuple[str, ...]:
        """The commands that make it anew from its description, after an edit of that."""
        file = self.compose_file
        if not (file and self.service and self.client):
            return ()
        words = ("compose", "-f", file, "up", "-d", *options, self.service)
        edit = f"sudoedit -u {shlex.quote(self.owner.name)}" if self.owner else "sudoedit"
        return (f"{edit} {shlex.quote(file)}", f"{self.client} {shlex.join(words)}")

    def inside(self, path: str) -> str:
        """A path as the container sees it, of one below `root` or of its working directory."""
        if path == self.root or path.startswith(f"{self.root}/"):
            path = path.removeprefix(self.root) or "/"
        return posixpath.normpath(posixpath.join(self.directory, path))

    def path(self, path: str) -> str:
        """Where root finds what the container sees at a path.

        Of one that has ended, or is closed, that is what is mounted at this very path: in a
        directory it might have left a link, and who follows that from outside reads another file.
        """
        mount = self.mount(path) if self.closed else None
        if mount and mount.outside and mount.inside == self.inside(path):
            return mount.outside
        return f"{self.root}{self.inside(path)}".rstrip("/")

    def sees(self, path: str) -> bool:
        """Whether what stands at a path inside can be looked at now."""
        return not self.closed or not self.path(path).startswith(f"{self.root}/")

    def mount(self, path: str) -> Mount | None:
        """What of this machine stands at a path inside; None where it is the container's alone."""
        inside = self.inside(path)
        over = [one for one in self.mounts or () if _within(inside, one.inside)]
        return over[-1] if over else None

    def outside(self, path: str) -> str:
        """The path on this machine of what is mounted there; empty where nothing is."""
        inside, mount = self.inside(path), self.mount(path)
        if mount is None or not mount.outside or mount.replaced:
            return ""
        rest = inside[len(mount.inside.rstrip("/")) :]
        return f"{mount.outside.rstrip('/')}{rest}" or "/"

    def within(self, path: str) -> str:
        """The path inside of a file of this machine; empty where it is not mounted."""
        for mount in reversed(self.mounts or ()):
            if mount.outside and _within(path, mount.outside):
                rest = path[len(mount.outside.rstrip("/")) :]
                inside = f"{mount.inside.rstrip('/')}{rest}"
                if self.outside(inside) == path:
                    return inside
        return ""

    def publishes(self, port: int | None) -> tuple[Publication, ...]:
        """Where this machine answers for a port inside."""
        return tuple(one for one in self.published if one.inner in (None, port) or port is None)

    def with_published(self, found: Iterable[Publication]) -> Container:
        """The same, with further ports that were seen: where both lead elsewhere, what was seen."""
        found = tuple(found)
        led = {(one.address, one.port): one.inner for one in found if one.inner is not None}
        told = [x for x in self.published if led.get((x.address, x.port), x.inner) == x.inner]
        both = {(one.address, one.port): one for one in (*found, *told)}
        return replace(self, published=tuple(both.values()))


def _within(path: str, directory: str) -> bool:
    return path == directory or path.startswith(f"{directory.rstrip('/')}/")
