"""What a host tells: plain data, so that it can be recorded and replayed."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping

from tabbydoctor.records import dataclass, field


@dataclass(frozen=True, slots=True)
class FileStatus:
    """stat(2) of a path, and its POSIX access ACL."""

    path: str
    mode: int
    uid: int
    gid: int
    size: int
    modified: float
    """Seconds since the epoch."""
    device: int = 0
    """`st_rdev`: the device number of a device node."""
    acl: bytes | None = None
    """The raw `system.posix_acl_access` attribute, or None without one."""
    link_target: str | None = None
    """What a symbolic link points to (only where links were not followed)."""
    changed: float = 0.0
    """Seconds since the epoch of the last status change (owner, mode, rename into place)."""
    filesystem: int = 0
    """`st_dev`: the file system it is on."""
    inode: int = 0
    link_count: int = 1
    """How many names it has (hard links)."""
    label: str = ""
    """Its SELinux label (`security.selinux`); empty without one."""

    @property
    def identity(self) -> tuple[int, int]:
        """What tells this very file from any other: its file system and inode."""
        return self.filesystem, self.inode

    @property
    def permissions(self) -> int:
        """The twelve permission bits."""
        return stat.S_IMODE(self.mode)

    @property
    def is_file(self) -> bool:
        """A regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_directory(self) -> bool:
        """A directory."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        """A symbolic link (only where links were not followed)."""
        return stat.S_ISLNK(self.mode)

    @property
    def is_device(self) -> bool:
        """A character device node."""
        return stat.S_ISCHR(self.mode)

    @property
    def kind(self) -> str:
        """The kind of thing in words, for messages."""
        kinds = {
            stat.S_IFREG: "a file",
            stat.S_IFDIR: "a directory",
            stat.S_IFLNK: "a symbolic link",
            stat.S_IFIFO: "a FIFO",
            stat.S_IFSOCK: "a socket",
            stat.S_IFCHR: "a character device",
            stat.S_IFBLK: "a block device",
        }
        return kinds.get(stat.S_IFMT(self.mode), "something unknown")


@dataclass(frozen=True, slots=True)
class FileContent:
    """The start of a file, read through the same descriptor that gave the status."""

    data: bytes
    status: FileStatus
    truncated: bool = False

    def text(self) -> str:
        """The content as UTF-8, undecodable bytes replaced."""
        return self.data.decode("utf-8", errors="replace")


@dataclass(frozen=True, slots=True)
class Account:
    """A line of passwd(5), with every group of the account."""

    name: str
    uid: int
    gid: int
    home: str = "/"
    shell: str = "/usr/sbin/nologin"
    groups: tuple[int, ...] = ()
    """All group ids, the primary one included."""

    @property
    def can_log_in(self) -> bool:
        """Whether the shell is one a person could use."""
        return self.shell.rsplit("/", 1)[-1] not in {"nologin", "false", "sync", "halt", "shutdown"}


@dataclass(frozen=True, slots=True)
class Group:
    """A line of group(5)."""

    name: str
    gid: int
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Process:
    """One process, as far as it may be seen."""

    pid: int
    argv: tuple[str, ...]
    uid: int | None = None
    cwd: str | None = None
    executable: str | None = None
    groups: tuple[int, ...] | None = None
    """Supplementary groups in force, from /proc/PID/status."""
    environment: Mapping[str, str] | None = None
    started: float = 0.0
    """Seconds since the epoch."""
    unit: str | None = None
    """The systemd unit of its control group."""
    cgroup: str = ""
    user_unit: bool = False
    """Whether `unit` belongs to a user manager."""
    parent: int = 0
    """The process that started it, or took it over."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening TCP socket."""

    address: str
    port: int
    pid: int | None = None
    inode: int = 0


@dataclass(frozen=True, slots=True)
class Peer:
    """The far end of a connection, as the kernel tells it while the connection stands."""

    address: str
    port: int
    local: bool = False
    """Its socket is one of this machine's (or of the network namespace that was named)."""
    holders: tuple[tuple[Process, ...], ...] = ()
    """Each process that has the accepted socket open, followed by its parent, and so on; none
    where nobody has accepted it, or it may not be seen."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What the far end of a connection must be before a request goes over it."""

    refusal: Callable[[Peer], str]
    """Why it must not, in words; empty where it may."""
    likely: tuple[tuple[Process, ...], ...] = ()
    """Processes (each with its parents) to look at first; where one of them holds the socket no
    other is looked at."""
    namespace: int | None = None
    """A process in whose network namespace the far end may be, where it is not in this one."""
    patience: float = 60.0
    """Seconds a server gets to accept the connection before it is judged as one that has not (and
    before the request's own time is over): one that has time does it at once."""


@dataclass(frozen=True, slots=True)
class Connection:
    """One end of a TCP connection, as this machine holds it."""

    local: tuple[str, int]
    """Address and port of this end."""
    remote: tuple[str, int]
    """Address and port of the other end."""
    pid: int | None = None
    """None where it may not be seen, or once the process has closed it."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The outcome of a command."""

    argv: tuple[str, ...]
    code: int
    """Exit status; 127 without such a program, 124 past the time limit."""
    stdout: str = ""
    stderr: str = ""
    truncated: bool = False

    @property
    def missing(self) -> bool:
        """Whether the program is not there."""
        return self.code == 127

    @property
    def timed_out(self) -> bool:
        """Whether it was stopped for taking too long."""
        return self.code == 124


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """The answer to a request, or why there is none."""

    url: str
    method: str = "GET"
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """Header names in lower case."""
    body: bytes = b""
    truncated: bool = False
    error: str | None = None
    """refused, timeout, reset, protocol, unresolved, unreachable, tls, unsendable, withheld."""
    detail: str = ""
    elapsed: float = 0.0  # seconds until the body (or its limit) was read


@dataclass(frozen=True, slots=True)
class NvmlProcess:
    """A process that holds memory on a GPU."""

    pid: int
    used_bytes: int | None


@dataclass(frozen=True, slots=True)
class NvmlCondition:
    """How a GPU fares, by NVML; None where it would not say, as most consumer cards of MIG."""

    compute_mode: int | None = None
    """0 default, 2 prohibited, 3 one process alone (`nvmlComputeMode_t`)."""
    mig: bool | None = None
    """Whether it is split by MIG: then CUDA uses its instances alone."""
    mig_uuids: tuple[str, ...] | None = None
    """The instances there are, as `CUDA_VISIBLE_DEVICES` names them."""
    uncorrected_errors: int | None = None
    """Memory errors that ECC could not correct, since the driver was loaded."""
    pages_pending: bool | None = None
    """Memory is to be retired at the next reset (before Ampere)."""
    rows_pending: bool | None = None
    """Memory is to be remapped at the next reset (from Ampere on)."""
    rows_failed: bool | None = None
    """Memory could not be remapped: no spare rows are left."""
    slowed_by: int | None = None
    """Why the clocks are lower than they could be: bits of `nvmlClocksEventReasons`."""
    temperature: int | None = None
    """Degrees Celsius."""
    busy_percent: int | None = None
    """How much of the last moments a kernel ran."""


@dataclass(frozen=True, slots=True)
class NvmlGpu:
    """One GPU. What NVML would not say is None; `error` is its code where it is not 0."""

    index: int
    name: str | None = None
    uuid: str | None = None
    minor: int | None = None
    bus_id: str | None = None
    compute_capability: tuple[int, int] | None = None
    total_bytes: int | None = None
    free_bytes: int | None = None
    processes: tuple[NvmlProcess, ...] = ()
    error: int = 0
    condition: NvmlCondition = NvmlCondition()


@dataclass(frozen=True, slots=True)
class NvmlState:
    """NVML's view of the driver and its GPUs."""

    library: str | None = None
    """The library file that was loaded."""
    error: int | None = None
    """The code of the failed nvmlInit (12: no library), or None when it worked."""
    error_text: str = ""
    load_error: str = ""
    """Why the library would not load (pynvml hides it in the exception's context)."""
    not_tried: str = ""
    """Why nvmlInit was not called, for example to leave the device nodes as they are."""
    driver: str | None = None
    nvml: str | None = None
    cuda: tuple[int, int] | None = None
    gpus: tuple[NvmlGpu, ...] = ()
