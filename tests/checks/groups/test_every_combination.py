"""GRP001 and GRP002 in every combination of node, account, unit and process.

What is true is found by really opening a file of that mode and group, as that account with those
groups; what is judged comes from the facts alone.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import pytest

from checks.groups.device_denied import device_denied
from checks.groups.group_not_effective import group_not_effective
from tabbydoctor.api import Absent
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.gpu.driver import DeviceNodes
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.gpu.service_groups import ServiceGroups, service_groups
from tabbydoctor.host.data import Account, Group, Process
from tests.checks.gpu.machine_tree import LINUX, NEED, TreeHost, loaded, service

UID, OWN, ACCEL, OTHER = 5001, 5001, 4400, 4500
GROUPS = (Group("root", 0), Group("tabby", OWN), Group("accel", ACCEL), Group("other", OTHER))
MODES = (0o660, 0o666, 0o640, 0o600, 0o606, 0o062)
UNITS: dict[str, dict[str, str]] = {
    "plain": {},
    "supplementary": {"SupplementaryGroups": "accel"},
    "by number": {"SupplementaryGroups": "other 4400"},
    "group": {"Group": "accel"},
    "another group": {"Group": "other"},
}
Facts = tuple[GpuNeed, Instance, Machine, DeviceNodes, ServiceGroups]
NODES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/nvidia-uvm")


@dataclass(frozen=True)
class Combination:
    """One of them."""

    mode: int
    node_group: int
    member: bool
    """The account is a member of `accel`."""
    unit: str
    running: frozenset[int] | None
    """The groups in force; None where TabbyAPI is down."""

    @property
    def configured(self) -> frozenset[int]:
        """What systemd gives it: Group= stands in place of the account's own group."""
        given = {"group": {ACCEL}, "another group": {OTHER}}.get(self.unit, {OWN})
        more = {"supplementary": {ACCEL}, "by number": {OTHER, ACCEL}}.get(self.unit, set())
        return frozenset(given | more | ({ACCEL} if self.member else set()))


def combinations() -> Iterator[Combination]:
    processes = (None, frozenset({OWN}), frozenset({OWN, ACCEL}), frozenset({OTHER}))
    for parts in product(MODES, (0, OWN, ACCEL), (False, True), UNITS, processes):
        yield Combination(*parts)


@functools.cache
def opens(path: Path, groups: frozenset[int]) -> bool:
    """Whether the account, with these groups, may open it for reading and writing."""
    child = os.fork()
    if child == 0:
        code = 2
        try:
            os.setgroups(sorted(groups))
            os.setgid(min(groups))
            os.setuid(UID)
            os.close(os.open(path, os.O_RDWR))
            code = 0
        except PermissionError:
            code = 1
        finally:
            os._exit(code)
    return {0: True, 1: False}[os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if os.geteuid() != 0:
        pytest.skip("needs root, to give files to groups and to be another account")
    root = tmp_path_factory.mktemp("nodes")
    for directory in (root, *root.parents):
        if directory.owner() == "root" and "pytest" in str(directory):
            directory.chmod(0o755)
    return root


@functools.cache
def _host(scratch: Path, mode: int, node_group: int) -> TreeHost:
    """A machine of its own for each kind of node."""
    root = scratch / f"{mode:o}-{node_group}"
    root.mkdir()
    host = loaded(TreeHost(root))
    host.known_groups = GROUPS
    for node in NODES:
        host.write(node)
        os.chown(root / node[1:], 0, node_group)
        (root / node[1:]).chmod(mode)
    return host


def _facts(scratch: Path, combination: Combination) -> tuple[TreeHost, Facts]:
    host, instance = (
        _host(scratch, combination.mode, combination.node_group),
        _instance(combination),
    )
    return host, (NEED, instance, LINUX, host.nodes(), service_groups(host, instance))


def _instance(combination: Combination) -> Instance:
    groups = (OWN, ACCEL) if combination.member else (OWN,)
    process = None
    if combination.running is not None:
        process = Process(42, (), uid=UID, groups=tuple(combination.running))
    return replace(
        service(None, **UNITS[combination.unit]),
        user=Account("tabby", UID, OWN, groups=groups),
        process=process,
    )


def test_every_combination_is_judged_as_it_is(scratch: Path) -> None:
    wrong = []
    for combination in combinations():
        host, facts = _facts(scratch, combination)
        denied = list(device_denied.judge(*facts))
        try:
            late = list(group_not_effective.judge(*facts))
        except Absent:
            late = []
        node, running = host.root / NODES[0][1:], combination.running
        next_start = opens(node, combination.configured)
        now = running is None or opens(node, running)
        if (bool(denied), bool(late)) != (not next_start, next_start and not now):
            wrong.append((combination, denied, late))
    assert not wrong, wrong[:3]


def test_every_group_that_is_offered_opens_the_nodes(scratch: Path) -> None:
    """And none is offered where no group would."""
    offered = 0
    for combination in combinations():
        host, facts = _facts(scratch, combination)
        for finding in device_denied.judge(*facts):
            text = str(finding.remedies[0].commands)
            joins = "SupplementaryGroups=" in text
            named = {g.gid for g in GROUPS if f"SupplementaryGroups={g.name}" in text}
            with_it = combination.configured | named
            assert joins is bool(named), combination
            assert opens(host.root / NODES[0][1:], with_it) is joins, combination
            offered += joins
    assert offered > 20


def test_a_member_keeps_its_own_group_beside_that_of_the_unit(scratch: Path) -> None:
    """initgroups(3): a group that names the account as a member stays."""
    closed = Combination(0o660, OWN, member=False, unit="another group", running=None)
    host, instance = TreeHost(scratch), _instance(closed)
    host.known_groups = GROUPS
    assert OWN not in service_groups(host, instance).configured
    host.known_groups = (Group("tabby", OWN, ("tabby",)), Group("other", OTHER))
    assert OWN in service_groups(host, instance).configured
