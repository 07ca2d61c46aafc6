"""A front that is there: what it is to be, and how it stands."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Literal

from tabbydoctor.deployment.kernel_modules import is_loaded
from tabbydoctor.deployment.parts import Machine, ProcessTable, Units
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.front.design import (
    CONFIG_PATH,
    DESIGN_PATH,
    FENCE_PATH,
    KEY_PATH,
    UNIT,
    UNIT_PATH,
    DamagedDesign,
    FrontDesign,
    design_of,
)
from tabbydoctor.front.fence import listing, stands
from tabbydoctor.front.programs import PROGRAMS, program_named
from tabbydoctor.front.written import files_of
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass, field
from tabbydoctor.redaction import remember

_NFT = ("/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft", "/usr/local/sbin/nft")
_SLACK = 1.0
"""Seconds by which a process may seem older than what it was started with."""
FrontFaultKind = Literal["program", "changed", "gone", "down", "disabled", "older", "fence"]


@dataclass(frozen=True, slots=True)
class Front:
    """The front that `fix --auth --strategy front` made."""

    design: FrontDesign
    key: str | None = field(default=None, repr=False)
    """The key it adds; None where it cannot be read."""

    def serves(self, unit: str | None) -> bool:
        """Whether it is the front of a router's unit."""
        return unit is not None and unit == self.design.router


@dataclass(frozen=True, slots=True)
class FrontFault:
    """One thing that is wrong with it."""

    kind: FrontFaultKind
    where: str
    expected: str
    actual: str


@dataclass(frozen=True, slots=True)
class FrontStanding:
    """How a front stands."""

    faults: tuple[FrontFault, ...] = ()
    unseen: str = ""
    """What could not be seen, and what is needed; empty where all was."""

    def has(self, *kinds: FrontFaultKind) -> bool:
        """Whether it has a fault of one of some kinds."""
        return any(fault.kind in kinds for fault in self.faults)


@dataclass(frozen=True, slots=True)
class FrontMeans:
    """What this machine has to make a front of."""

    programs: tuple[tuple[str, str], ...] = ()
    """Name and path of each program that is installed, the one that is taken first."""
    nft: str = ""
    """nft, where it works; else empty."""
    nft_problem: str = ""
    """Why there is no fence, in words."""
    ipv6: bool = True
    """Whether the machine has the IPv6 loopback."""


def front(host: Host) -> Front:
    """A fact. Raises Absent without a front, Unknown where its files tell nothing."""
    try:
        design = design_of(host.read(DESIGN_PATH).data)
    except FileNotFoundError as error:
        raise Absent("no front of the doctor's is there") from error
    except (OSError, DamagedDesign) as error:
        raise Unknown(f"{DESIGN_PATH} cannot be read: {error}") from error
    return Front(design, _key(host, design))


def _key(host: Host, design: FrontDesign) -> str | None:
    program = program_named(design.program)
    try:
        key = program.key_in(host.read(KEY_PATH).text()) if program else None
    except OSError:
        return None
    if key:
        remember(key)
    return key


def front_standing(
    host: Host, front: Front, units: Units | None, table: ProcessTable | None, machine: Machine
) -> FrontStanding:
    """A fact: what is wrong with the front that is there."""
    design = front.design
    faults = [*_files(host, front), *_unit(units), *_age(host, units, table)]
    unseen = ""
    if units is None:
        unseen = "the front's unit cannot be asked for"
    if not machine.root:
        unseen = "the front's key and its fence can be seen by root alone (use sudo)"
    elif design.nft and not any(fault.kind in ("gone", "down") for fault in faults):
        faults += _fence(host, design)
    return FrontStanding(tuple(faults), unseen)


def _files(host: Host, front: Front) -> Iterator[FrontFault]:
    design = front.design
    if not _executable(host, design.binary):
        yield FrontFault("program", design.binary, f"{design.program}, as installed", "nothing")
    made = files_of(design, front.key or "")
    for path in (UNIT_PATH, CONFIG_PATH, FENCE_PATH):
        if path not in made:
            continue
        try:
            same = host.read(path).data == made[path].content
        except FileNotFoundError:
            yield FrontFault("gone" if path == UNIT_PATH else "changed", path, "a file", "nothing")
            continue
        except OSError:
            continue
        if not same:
            yield FrontFault("changed", path, "what the doctor wrote", "something else")


def _unit(units: Units | None) -> Iterator[FrontFault]:
    unit = units.named(UNIT) if units else None
    if units is None or unit is None:
        return
    state = unit.get("ActiveState")
    if state != "active":
        sub = unit.get("SubState")
        yield FrontFault("down", f"systemctl status {UNIT}", "active", f"{state} ({sub})")
    if unit.get("UnitFileState") not in ("enabled", ""):
        enabled = unit.get("UnitFileState")
        yield FrontFault("disabled", f"systemctl is-enabled {UNIT}", "enabled", enabled)


def _age(host: Host, units: Units | None, table: ProcessTable | None) -> Iterator[FrontFault]:
    """What it was started with has changed since: it still has the old."""
    unit = units.named(UNIT) if units else None
    process = table.process(unit.main_pid) if table and unit else None
    if process is None or not process.started:
        return
    for path in (CONFIG_PATH, KEY_PATH, UNIT_PATH):
        try:
            changed = host.status(path).modified
        except OSError:
            continue
        if changed > process.started + _SLACK:
            yield FrontFault("older", path, "older than the front's start", "changed since")


def _fence(host: Host, design: FrontDesign) -> Iterator[FrontFault]:
    command = listing(design)
    # Without the module there is no fence, and who asks for one has it loaded.
    listed = host.run(command) if is_loaded(host, "nf_tables") else None
    where = " ".join(command)
    if listed and listed.missing:
        yield FrontFault("fence", where, f"{design.nft}, as installed", "nothing")
    elif listed is None or not stands(design, listed.stdout):
        let = f"uid {', '.join(map(str, design.uids))} alone may connect to {design.places[0]}"
        yield FrontFault("fence", where, let, "every local account may")


def front_means(host: Host, machine: Machine) -> FrontMeans:
    """A fact: what is installed. Nothing is run but a listing of nft's tables, where the kernel has
    the module for it already."""
    found = [
        (program.name, path)
        for program in PROGRAMS
        for path in program.binaries
        if _executable(host, path)
    ]
    programs = tuple({name: (name, path) for name, path in reversed(found)}.values())[::-1]
    nft = next((path for path in _NFT if _executable(host, path)), "")
    problem = "" if nft else "nftables (nft) is not installed"
    if nft and machine.root and is_loaded(host, "nf_tables"):
        result = host.run((nft, "list", "tables"))
        problem = f"{nft} does not work here" if result.code != 0 else ""
    return FrontMeans(programs, "" if problem else nft, problem, _there(host, "/proc/net/if_inet6"))


def _executable(host: Host, path: str) -> bool:
    try:
        status = host.status(path)
    except OSError:
        return False
    return bool(status.mode & 0o111) and posixpath.isabs(path)


def _there(host: Host, path: str) -> bool:
    try:
        return "00000000000000000000000000000001" in host.read(path).text()
    except OSError:
        return False


GATHERERS = (front, front_standing, front_means)
