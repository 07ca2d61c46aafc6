"""Strangers that try to be taken for TabbyAPI, forwarders, and sockets that are handed over."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.host.data import FileStatus, HttpAnswer, Process
from tabbydoctor.host.local import LocalHost
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.tabbyapi.probing import PERMISSION
from tabbydoctor.tabbyapi.standing import Judge, is_own, named
from tests.host.servers import answers, listening
from tests.standing.program import ADMIN_KEY, API_KEY
from tests.standing.scene import (
    FILE,
    NOBODY,
    PROGRAM,
    Program,
    as_nobody,
    configured,
    instance,
    look,
    running,
)

pytestmark = pytest.mark.root(reason="root is to see whose socket it is")

LOOPBACK = "127.0.0.1"
NOT_RUNNING = Instance("/srv", unit=Unit("tabbyapi.service", {"ActiveState": "inactive"}))


def see(program: Program, own: Instance | None, host: str = LOOPBACK) -> Endpoint:
    return look(own, f"http://{host}:{program.port}")


def granted(found: Endpoint) -> bool:
    answer = found.answer(PERMISSION, "admin_key")
    return bool(answer and answer.status == 200)


def test_a_stranger_while_tabbyapi_is_down(tmp_path: Path) -> None:
    with running(tmp_path, "plain", LOOPBACK) as stranger:
        found = see(stranger, NOT_RUNNING)
        without_url = look(NOT_RUNNING, None, configured(LOOPBACK, stranger.port))
        assert "authorization" not in repr(stranger.received())
    for each in (found, without_url):
        assert (each.identity, each.answers) == ("other", {})
        assert f"pid {stranger.pid}" in each.address.holder
        assert str(tmp_path) not in each.address.holder  # its arguments are nobody's business


def test_the_number_of_a_tabbyapi_that_has_ended_is_no_proof(tmp_path: Path) -> None:
    with running(tmp_path, "plain", LOOPBACK) as stranger:
        earlier = replace(stranger.instance().process or Process(1, ()), started=1.0)
        found = see(stranger, Instance("/srv", process=earlier))
        assert "authorization" not in repr(stranger.received())
    assert found.identity == "other"


def test_a_stranger_that_takes_over_after_the_first_answer(tmp_path: Path) -> None:
    with running(tmp_path, "first-then-stranger", LOOPBACK) as both:
        found = see(both, instance(both.child()))
        assert "authorization" not in repr(both.received())
    assert found.identity == "tabbyapi"
    assert found.answers == {}
    assert found.withheld
    assert found.admin_withheld


def test_a_redirect_of_a_stranger_leads_nowhere(tmp_path: Path) -> None:
    with running(tmp_path, "plain", LOOPBACK) as own:
        target = f"http://{LOOPBACK}:{own.port}/v1/auth/permission"
        with running(tmp_path, "redirects", LOOPBACK, target=target) as stranger:
            found = see(stranger, own.instance())
            assert "authorization" not in repr(stranger.received())
        assert own.received() == []
    assert found.identity == "other"


def test_a_redirect_of_tabbyapi_itself_leads_to_no_stranger(tmp_path: Path) -> None:
    with running(tmp_path, "plain", LOOPBACK) as stranger:
        target = f"http://{LOOPBACK}:{stranger.port}/x"
        with running(tmp_path, "redirects", LOOPBACK, target=target) as own:
            see(own, own.instance())
            assert API_KEY in repr(own.received())
        assert stranger.received() == []


def test_a_socket_that_no_process_has_open_gets_nothing_from_root(tmp_path: Path) -> None:
    with running(tmp_path, "hidden", LOOPBACK) as stranger:
        for own in (None, NOT_RUNNING):
            see(stranger, own)
        seen = repr(stranger.received())
    assert "serviceinfo" in seen
    assert "authorization" not in seen


def test_a_socket_that_a_stranger_lends_to_tabbyapi(tmp_path: Path) -> None:
    with running(tmp_path, "lent", LOOPBACK) as both:
        found = see(both, instance(both.child()))
        assert "authorization" not in repr(both.received())
    assert not granted(found)


def test_a_socket_that_systemd_made_and_tabbyapi_accepts_from(tmp_path: Path) -> None:
    with running(tmp_path, "activated", LOOPBACK) as program:
        found = see(program, instance(program.child()))
    assert (found.identity, granted(found)) == ("tabbyapi", True)


def test_workers_that_share_the_accepted_socket(tmp_path: Path) -> None:
    with running(tmp_path, "shared", LOOPBACK) as program:
        found = see(program, instance(program.child()))
    assert (found.identity, granted(found)) == ("tabbyapi", True)


def test_a_moved_port_beside_a_stranger_on_the_configured_one(tmp_path: Path) -> None:
    with (
        running(tmp_path, "plain", LOOPBACK) as stranger,
        running(tmp_path, "plain", LOOPBACK) as own,
    ):
        # One below the ephemeral ports is its API; here the configuration tells the next port.
        config = configured(LOOPBACK, own.port - 1)
        found = look(own.instance(), None, config)
        assert stranger.received() == []
    assert (found.identity, granted(found), found.address.moved) == ("tabbyapi", True, True)


def test_without_root_a_stranger_that_copies_nothing_gets_no_key() -> None:
    with listening(answers("200 OK", b"{}")) as stranger:
        url = f"http://{LOOPBACK}:{stranger.port}"
        found = as_nobody(lambda: look(NOT_RUNNING, url))
        assert not stranger.saw("Authorization")
    assert found.identity == "other"


def test_without_root_one_that_names_itself_gets_the_api_key_alone(tmp_path: Path) -> None:
    with running(tmp_path, "plain", LOOPBACK) as own:
        found = as_nobody(lambda: see(own, own.instance()))
        seen = repr(own.received())
    assert (found.identity, found.withheld) == ("tabbyapi", "")
    assert API_KEY in seen
    assert ADMIN_KEY not in seen


def test_without_a_tabbyapi_root_gives_no_key_to_its_likeness(tmp_path: Path) -> None:
    with running(tmp_path, "plain", LOOPBACK) as likeness:
        found = see(likeness, None)
        assert "authorization" not in repr(likeness.received())
    assert (found.identity, found.enforces_auth) == ("tabbyapi", True)
    assert f"pid {likeness.pid}" in found.withheld


@pytest.fixture
def docker_proxy(tmp_path: Path) -> str:
    """A program by that name."""
    return shutil.copy(os.path.realpath(sys.executable), f"{tmp_path}/docker-proxy")


def test_behind_a_forwarder_tabbyapi_is_asked_itself(tmp_path: Path, docker_proxy: str) -> None:
    with running(tmp_path, "plain", LOOPBACK) as own:
        target = f"{LOOPBACK}:{own.port}"
        with running(
            tmp_path, "forwards", LOOPBACK, target=target, python=docker_proxy
        ) as forwarder:
            url = f"http://{LOOPBACK}:{forwarder.port}"
            found = look(own.instance(), url, configured(LOOPBACK, own.port))
            assert "uthorization" not in repr(forwarder.received())
    assert (found.identity, granted(found)) == ("tabbyapi", True)
    assert found.address.url == f"http://{target}"
    assert f"behind docker-proxy program.py (pid {forwarder.pid}" in found.address.found_by


def test_a_forwarder_whose_tabbyapi_cannot_be_reached(tmp_path: Path, docker_proxy: str) -> None:
    with running(tmp_path, "plain", LOOPBACK) as likeness:
        target = f"{LOOPBACK}:{likeness.port}"
        with (
            running(tmp_path, "forwards", LOOPBACK, target=target, python=docker_proxy) as proxy,
            running(tmp_path, "plain", LOOPBACK) as own,  # nothing says that this port is its API
        ):
            found = see(proxy, own.instance())
            assert "uthorization" not in repr(proxy.received())
        assert "authorization" not in repr(likeness.received())
    assert (found.identity, found.enforces_auth) == ("tabbyapi", True)
    assert "docker-proxy" in found.withheld
    assert "not proven" in found.withheld


def test_a_forwarder_while_tabbyapi_is_down_is_a_stranger(
    tmp_path: Path, docker_proxy: str
) -> None:
    with running(tmp_path, "plain", LOOPBACK) as likeness:
        target = f"{LOOPBACK}:{likeness.port}"
        with running(tmp_path, "forwards", LOOPBACK, target=target, python=docker_proxy) as proxy:
            assert see(proxy, NOT_RUNNING).identity == "other"


class Translating(LocalHost):
    """Where the kernel leads connections to one port elsewhere (netfilter's DNAT): nobody here
    has accepted them."""

    port = 0

    async def get(self, url: str, *arguments: Any, **options: Any) -> HttpAnswer:
        admission = options.get("admission")
        if admission and urlsplit(url).port == self.port:
            asked = admission.refusal
            away = replace(
                admission, refusal=lambda peer: asked(replace(peer, local=False, holders=()))
            )
            options["admission"] = away
        return await super().get(url, *arguments, **options)


def test_behind_an_address_translation_tabbyapi_is_asked_itself(tmp_path: Path) -> None:
    with running(tmp_path, "plain", LOOPBACK) as own:
        target = f"{LOOPBACK}:{own.port}"
        with running(tmp_path, "forwards", LOOPBACK, target=target) as kernel:

            def door() -> LocalHost:
                host = Translating()
                host.port = kernel.port
                return host

            url = f"http://{LOOPBACK}:{kernel.port}"
            found = look(own.instance(), url, configured(LOOPBACK, own.port), door=door)
            alone = look(own.instance(), url, door=door)
            assert "uthorization" not in repr(kernel.received())
    assert (found.address.url, granted(found)) == (f"http://{target}", True)
    assert (alone.identity, granted(alone)) == ("tabbyapi", False)
    assert "cannot be seen" in alone.withheld


@pytest.mark.parametrize(
    ("mode", "uid", "directories", "sent"),
    [
        (0o600, 0, (0o755,), False),
        (0o600, NOBODY, (0o755,), True),
        (0o640, 0, (0o755,), False),
        (0o644, 0, (0o755,), True),
        (0o644, 0, (0o700,), False),
        (0o644, 0, (0o700, 0o755), False),
        (0o644, 0, (0o755, 0o755), True),
    ],
)
def test_nobody_is_sent_a_key_of_a_file_that_he_cannot_read(
    mode: int, uid: int, directories: tuple[int, ...], sent: bool
) -> None:
    """A stranger starts a `main.py` in TabbyAPI's directory, and is taken for it."""
    above = tuple(FileStatus("/srv", stat.S_IFDIR | one, 0, 0, 0, 0.0) for one in directories)
    status = FileStatus(FILE.path, stat.S_IFREG | mode, uid, 0, 99, 0.0)
    tokens = replace(FILE, status=status, above=above)
    place = Path(tempfile.mkdtemp())
    try:
        place.chmod(0o777)
        program = shutil.copy(PROGRAM, place)
        wrapped = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        python = os.path.realpath(sys.executable)
        with running(
            place, "plain", LOOPBACK, python=python, wrapped=wrapped, source=program
        ) as likeness:
            url = f"http://{LOOPBACK}:{likeness.port}"
            found = look(likeness.instance(), url, tokens=tokens)
            assert ("authorization" in repr(likeness.received())) is sent
    finally:
        shutil.rmtree(place)
    assert (found.identity, granted(found)) == ("tabbyapi", sent)
    assert ("cannot read" in found.admin_withheld) is not sent


@pytest.fixture
def inner_network() -> Iterator[tuple[str, str]]:
    """A network namespace as a container has it: its name, and its address from outside."""
    number = os.getpid()  # tests run side by side
    name, near, far = f"tabbydoctor-{number}", f"td{number}a", f"td{number}b"
    outer, inner = (f"198.18.{number % 256}.{host}" for host in (1, 2))
    commands = [
        f"ip netns add {name}",
        f"ip link add {near} type veth peer name {far} netns {name}",
        f"ip addr add {outer}/30 dev {near}",
        f"ip link set {near} up",
        f"ip -n {name} addr add {inner}/30 dev {far}",
        f"ip -n {name} link set {far} up",
        f"ip -n {name} link set lo up",
    ]
    try:
        for command in commands:
            made = subprocess.run(command.split(), capture_output=True, text=True, check=False)
            if made.returncode:
                pytest.skip(f"no network namespace can be made: {made.stderr.strip()}")
        yield name, inner
    except FileNotFoundError:
        pytest.skip("there is no ip(8)")
    finally:
        if shutil.which("ip"):
            subprocess.run(["ip", "link", "del", near], capture_output=True, check=False)
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


@pytest.mark.parametrize("bound", ["0.0.0.0", "::", "inner"])
def test_in_a_container_tabbyapi_is_asked_at_its_inner_address(
    tmp_path: Path, docker_proxy: str, inner_network: tuple[str, str], bound: str
) -> None:
    name, inner = inner_network
    wrapped = ("ip", "netns", "exec", name)
    with running(tmp_path, "plain", inner if bound == "inner" else bound, wrapped=wrapped) as own:
        target = f"{inner}:{own.port}"
        with running(tmp_path, "forwards", LOOPBACK, target=target, python=docker_proxy) as proxy:
            found = see(proxy, own.instance())
            assert "uthorization" not in repr(proxy.received())
    assert (found.identity, granted(found)) == ("tabbyapi", True)
    assert found.address.url == f"http://{target}"


def test_a_container_that_others_cannot_reach(
    tmp_path: Path, docker_proxy: str, inner_network: tuple[str, str]
) -> None:
    """As with slirp4netns: its server is on its own loopback."""
    name, inner = inner_network
    wrapped = ("ip", "netns", "exec", name)
    with (
        running(tmp_path, "plain", LOOPBACK, wrapped=wrapped) as own,
        running(tmp_path, "plain", "0.0.0.0", own.port, wrapped=wrapped) as likeness,
    ):
        target = f"{inner}:{own.port}"
        with running(tmp_path, "forwards", LOOPBACK, target=target, python=docker_proxy) as proxy:
            found = see(proxy, own.instance())
            assert "uthorization" not in repr(proxy.received())
        assert "authorization" not in repr(likeness.received())
    assert not granted(found)
    assert "not proven" in found.withheld


GROUP = "/system.slice/tabbyapi.service"
UNIT = Unit("tabbyapi.service", {"ControlGroup": GROUP})


@pytest.mark.parametrize(
    ("group", "own"),
    [
        (GROUP, True),
        (f"{GROUP}/worker", True),
        ("/system.slice/other.service/tabbyapi.service", False),
        ("/user.slice/user-1001.slice/user@1001.service/app.slice/tabbyapi.service", False),
        ("/system.slice/tabbyapi.service-not", False),
        ("/tabbyapi.service", False),
        ("", False),
        ("/", False),
    ],
)
def test_a_control_group_counts_by_its_whole_path(group: str, own: bool) -> None:
    process = Process(7, ("python",), unit="tabbyapi.service", cgroup=group)
    assert is_own((process,), Instance("/srv", unit=UNIT)) is own


@pytest.mark.parametrize("group", ["", "/"])
def test_a_unit_without_a_control_group_owns_nothing(group: str) -> None:
    unit = Unit("tabbyapi.service", {"ControlGroup": group})
    process = Process(7, ("python",), unit="tabbyapi.service", cgroup=GROUP)
    assert not is_own((process,), Instance("/srv", unit=unit))
    assert not is_own((), Instance("/srv", unit=unit))


def test_arguments_are_not_told() -> None:
    process = Process(7, ("/usr/bin/python3", "/opt/x.py", "--key", "hidden"), unit="x.service")
    assert named(process) == "python3 x.py (pid 7, x.service)"
    assert Judge(None, root=True).namespace is None
