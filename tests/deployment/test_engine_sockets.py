"""Which engines are asked: those that run, and whose answer is root's word or one's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tabbydoctor.deployment.engine_answers import engine_sockets
from tabbydoctor.deployment.machine import process_table
from tabbydoctor.host.data import Process
from tests.scratch_host import ScratchHost

ID = "4e" * 32
MEMBER = 61007
DOCKERD = Process(90, ("/usr/sbin/dockerd", "-H", "fd://"), uid=0, unit="docker.service")
PODMAN = ("/usr/bin/podman", "system", "service")
OWN = Process(91, PODMAN, uid=MEMBER, unit="podman.service", user_unit=True)
OF_ROOT = Process(92, PODMAN, uid=0, unit="podman.service")


@pytest.mark.parametrize(
    ("uid", "processes", "asked"),
    [
        (0, (DOCKERD, OWN, OF_ROOT), ["/run/docker.sock"]),
        (MEMBER, (OF_ROOT,), ["/run/podman/podman.sock"]),
        (MEMBER, (OWN,), ["/run/user/61007/podman/podman.sock"]),
        (MEMBER + 1, (OWN,), []),
        (MEMBER, (Process(93, PODMAN, uid=MEMBER, unit="session-2.scope"),), []),
        (MEMBER, (Process(94, ("dockerd",), uid=MEMBER),), []),
        (MEMBER, (replace(OF_ROOT, cgroup=f"/docker/{ID}/system.slice/podman.service"),), []),
        (MEMBER, (), []),
    ],
    ids=[
        "root",
        "the system's",
        "one's own",
        "another's",
        "by hand",
        "a name",
        "inside",
        "none runs",
    ],
)
def test_which_are_asked(uid: int, processes: tuple[Process, ...], asked: list[str]) -> None:
    host = ScratchHost(
        uid=uid, processes=processes, environment={"XDG_RUNTIME_DIR": "/run/user/61007"}
    )
    assert [one.path for one in engine_sockets(host, process_table(host))] == asked
