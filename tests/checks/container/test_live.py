"""CTR001 to CTR006 where TabbyAPI runs in no container: there is nothing to judge."""

from __future__ import annotations

import pytest

from checks.config.auth_off_exposed import auth_off_exposed
from checks.container.from_inside import from_inside
from checks.container.mounted_directory import mounted_directory
from checks.container.not_kept import not_kept
from checks.container.port_mapped import port_mapped
from checks.container.stale_mount import stale_mount
from checks.container.unhealthy import unhealthy
from checks.container.without_gpu import without_gpu
from tabbydoctor.api import Absent, Check, Severity, Unknown
from tabbydoctor.deployment.container import Container
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.tabbyapi.contained_files import ContainedFiles
from tests.checks.scratch_tabby import ScratchTabby

ALL = (mounted_directory, stale_mount, not_kept, port_mapped, unhealthy, from_inside)


@pytest.mark.parametrize("check", ALL, ids=lambda one: one.id)
def test_absent_on_the_machine_itself(tabby: ScratchTabby, check: Check) -> None:
    tabby.given[Machine] = Machine(systemd=False)
    with pytest.raises(Absent):
        tabby.findings(check)


def boxed(tabby: ScratchTabby, **more: object) -> Container:
    box = Container("docker", "ab" * 32, 161, "/app", **more)  # type: ignore[arg-type]
    tabby.given[Instance] = Instance(str(tabby.directory), container=box.label, contained=box)
    return box


@pytest.mark.parametrize(
    "check", [mounted_directory, stale_mount, not_kept], ids=lambda one: one.id
)
def test_unknown_where_its_mounts_are_unseen(tabby: ScratchTabby, check: Check) -> None:
    boxed(tabby, mounts=None)
    tabby.given[ContainedFiles] = ContainedFiles(seen=False)
    with pytest.raises(Unknown, match="root"):
        tabby.findings(check)


@pytest.mark.parametrize(("nodes", "fires"), [((), True), (("nvidia0", "nvidiactl"), False)])
def test_one_without_a_gpu(tabby: ScratchTabby, nodes: tuple[str, ...], fires: bool) -> None:
    boxed(tabby)
    tabby.given[GpuNeed] = GpuNeed("the model tiny is configured")
    tabby.given[ContainedFiles] = ContainedFiles(nodes=nodes)
    assert bool(tabby.findings(without_gpu)) is fires


def test_one_that_was_given_a_gpu_and_lost_it_is_another_fault(tabby: ScratchTabby) -> None:
    boxed(tabby, gpu=True)
    tabby.given[GpuNeed] = GpuNeed("the model tiny is configured")
    tabby.given[ContainedFiles] = ContainedFiles(nodes=())
    assert tabby.findings(without_gpu) == []


@pytest.mark.parametrize("kind", ["docker", "podman"])
def test_what_is_outside_is_said_once(tabby: ScratchTabby, kind: str) -> None:
    tabby.given[Machine] = Machine(systemd=False, container=kind)
    (finding,) = tabby.findings(from_inside)
    assert finding.title.startswith(f"This is the inside of a {kind} container")


def test_inside_nobody_is_told_to_bind_the_loopback(tabby: ScratchTabby) -> None:
    tabby.given[Machine] = Machine(systemd=False, container="docker")
    tabby.write("config.yml", "network:\n  host: 0.0.0.0\n  disable_auth: true\n")
    (finding,) = tabby.findings(auth_off_exposed)
    assert finding.severity is Severity.WARNING
    assert not any("network.host" in one.title for one in finding.remedies)
