"""The lab proves itself, before anything is proven with it."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.deployment import ADMIN_KEY, API_KEY, UNITS, Deploy, Deployment
from tests.lab.installed import REPOSITORY
from tests.lab.machine import CommandError, Machine


@pytest.fixture
def another(machine: Machine, tmp_path: Path) -> Iterator[Machine]:
    """A machine for this test alone (the session's shows that one can be had)."""
    with Machine.boot(tmp_path) as booted:
        yield booted


def test_systemd_is_the_first_process_and_content(another: Machine) -> None:
    assert another.run(["ps", "-p", "1", "-o", "comm="]).stdout.strip() == "systemd"
    assert another.systemctl("is-system-running").strip() == "running"


def test_its_network_is_its_own_and_has_both_loopbacks(another: Machine) -> None:
    addresses = another.run(["cat", "/proc/net/fib_trie", "/proc/net/if_inet6"]).stdout
    assert "127.0.0.1" in addresses
    assert "00000000000000000000000000000001" in addresses
    assert another.run(["ls", "/sys/class/net"]).stdout.split() == ["lo"]


def test_tmp_run_and_dev_are_its_own(another: Machine, tmp_path: Path) -> None:
    (tmp_path / "outside").touch()
    assert not another.exists(tmp_path / "outside")
    another.run(["mknod", "-m", "660", "/dev/lab0", "c", "195", "0"])
    another.write("/run/inside", "")
    assert not Path("/dev/lab0").exists()
    assert not Path("/run/inside").exists()


def test_what_is_written_stays_inside(another: Machine) -> None:
    another.write("/etc/tabbydoctor-lab", "hello\n", mode=0o640, owner="root:adm")
    assert another.read("/etc/tabbydoctor-lab") == "hello\n"
    assert (
        another.run(["stat", "-c", "%a %U:%G", "/etc/tabbydoctor-lab"]).stdout == "640 root:adm\n"
    )
    assert not Path("/etc/tabbydoctor-lab").exists()


def test_the_kernel_is_out_of_reach(another: Machine) -> None:
    with pytest.raises(CommandError, match="Read-only"):
        another.run(["sh", "-c", "echo 1 >/proc/sys/vm/panic_on_oom"])


def test_the_journal_works(another: Machine) -> None:
    another.unit(
        "hello.service", "[Service]\nType=oneshot\nExecStart=/bin/echo a line of the unit\n"
    )
    another.systemctl("start", "hello.service")
    assert "a line of the unit" in [entry["MESSAGE"] for entry in another.journal("hello.service")]


def test_a_drop_in_applies(another: Machine) -> None:
    another.unit("hello.service", "[Service]\nExecStart=/bin/sleep infinity\n")
    another.dropin("hello.service", "[Service]\nEnvironment=GREETING=hello\n")
    another.systemctl("start", "hello.service")
    pid = another.property("hello.service", "MainPID")
    environment = another.run(["cat", f"/proc/{pid}/environ"]).stdout.split("\0")
    assert "GREETING=hello" in environment


def test_a_change_not_yet_loaded_is_seen_as_such(another: Machine) -> None:
    another.unit("hello.service", "[Service]\nExecStart=/bin/sleep infinity\n")
    another.systemctl("start", "hello.service")
    assert another.property("hello.service", "NeedDaemonReload") == "no"
    another.unit("hello.service", "[Service]\nExecStart=/bin/sleep 99\n", reload=False)
    assert another.property("hello.service", "NeedDaemonReload") == "yes"


def test_permissions_hold_for_users_and_groups(another: Machine) -> None:
    another.useradd("ivan")
    another.useradd("guest")
    another.useradd("member", groups=["readers"])
    another.write("/srv/own", "own", mode=0o600, owner="ivan:ivan")
    another.write("/srv/shared", "shared", mode=0o640, owner="ivan:readers")

    def can_read(user: str, path: str) -> bool:
        return another.run(["cat", path], user=user, check=False).returncode == 0

    assert can_read("ivan", "/srv/own")
    assert not can_read("guest", "/srv/own")
    assert not can_read("guest", "/srv/shared")
    assert can_read("member", "/srv/shared")


def test_a_command_runs_as_the_user_with_a_clean_environment(
    another: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FROM_OUTSIDE", "1")
    another.useradd("ivan")
    lines = another.run(["env"], user="ivan", env={"GIVEN": "2"}).stdout.splitlines()
    assert {"HOME=/home/ivan", "USER=ivan", "GIVEN=2"} <= set(lines)
    assert not [line for line in lines if line.startswith("FROM_OUTSIDE=")]


def test_a_user_may_have_a_manager_of_his_own(another: Machine) -> None:
    another.useradd("ivan")
    another.run(["loginctl", "enable-linger", "ivan"])
    another.write("/home/ivan/.config/systemd/user/mine.service", "[Service]\nExecStart=sleep 99\n")
    his = ["systemctl", "--user", "--machine=ivan@.host"]
    another.run([*his, "start", "mine.service"])
    assert another.run([*his, "is-active", "mine.service"]).stdout == "active\n"


def test_a_service_cannot_execute_an_interpreter_under_root(another: Machine) -> None:
    another.useradd("ivan")
    another.run(["chmod", "700", "/root"])
    another.write("/root/venv/bin/python", "#!/bin/sh\n", mode=0o755)
    another.unit("x.service", "[Service]\nUser=ivan\nExecStart=/root/venv/bin/python main.py\n")
    another.systemctl("start", "x.service", check=False)
    another.wait_for(
        lambda: another.property("x.service", "ActiveState") == "failed", "x.service to fail"
    )
    assert another.property("x.service", "ExecMainStatus") == "203"


def test_a_snapshot_sees_every_kind_of_difference(another: Machine) -> None:
    another.write("/srv/files/a", b"\xff\x00")
    another.run(["ln", "-s", "a", "/srv/files/link"])
    before = another.snapshot(["/srv/files", "/srv/missing"])
    assert sorted(before) == ["/srv/files", "/srv/files/a", "/srv/files/link"]
    assert before["/srv/files/a"].content == b"\xff\x00"
    assert before["/srv/files/link"].content == b"a"
    assert another.snapshot(["/srv/files"]) == before

    for change in (
        ["chmod", "600", "/srv/files/a"],
        ["chown", "nobody", "/srv/files/a"],
        ["ln", "-sfn", "b", "/srv/files/link"],
        ["python3", "-c", "import os; os.setxattr('/srv/files/a', 'trusted.note', b'x')"],
        ["touch", "/srv/files/new"],
    ):
        another.run(change)
        after = another.snapshot(["/srv/files"])
        assert after != before, change
        before = after


def test_a_command_that_takes_too_long_is_killed(another: Machine) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        another.run(["sleep", "987654"], timeout=0.2)
    another.wait_for(
        lambda: "987654" not in another.run(["ps", "-eo", "args"]).stdout, "sleep to be gone"
    )


def test_waiting_in_vain_shows_the_journal(another: Machine) -> None:
    another.run(["systemd-cat", "echo", "a hint"])
    with pytest.raises(TimeoutError, match=r"(?s)for godot.*a hint"):
        another.wait_for(lambda: False, "godot", deadline=0.3)


def test_reset_leaves_nothing(another: Machine) -> None:
    another.useradd("ivan")
    another.unit("hello.service", "[Service]\nExecStart=/bin/sleep infinity\n")
    another.systemctl("start", "hello.service")
    another.reset()
    assert another.run(["getent", "passwd", "ivan"], check=False).returncode == 2
    assert another.property("hello.service", "LoadState") == "not-found"
    assert another.journal("hello.service") == []
    assert another.systemctl("is-system-running").strip() == "running"


def test_closing_leaves_nothing(machine: Machine, tmp_path: Path) -> None:
    with Machine.boot(tmp_path) as booted:
        booted.unit("hello.service", "[Service]\nExecStart=/bin/sleep infinity\n")
        booted.systemctl("start", "hello.service")
        processes = processes_of(tmp_path)
        assert cgroups_of(processes)
    assert_nothing_left(tmp_path, processes)


OWNER = """\
import pathlib, signal, sys, time
from tests.lab.machine import Machine
signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent may have had it ignored
machine = Machine.boot(pathlib.Path(sys.argv[1]))
machine.run(["systemd-run", "sleep", "infinity"])
print("up", flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_machine_ends_with_its_owner(machine: Machine, tmp_path: Path, how: int) -> None:
    """As after ^C, and as after a kill that leaves the owner no time."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, tmp_path],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        try:
            assert owner.stdout.readline() == "up\n"
            processes = processes_of(tmp_path)
            assert cgroups_of(processes)
            owner.send_signal(how)
            owner.wait(timeout=20)
        finally:
            owner.kill()
    end = time.monotonic() + 20
    while processes_of(tmp_path) and time.monotonic() < end:
        time.sleep(0.05)
    assert_nothing_left(tmp_path, processes)


def test_the_healthy_deployment_forwards_requests(deployment: Deployment) -> None:
    answer = deployment.forward()
    assert answer.status in (200, 500, 503)
    assert "API key" not in answer.body
    assert deployment.router_health() == {"sglang": True, "tabbyapi": True, "llamacpp": True}


def test_the_key_reaches_tabbyapi_only(deployment: Deployment) -> None:
    assert deployment.forward("sglang-model").status == 200
    assert deployment.forward("model.gguf").status == 200
    for backend in ("sglang", "llamacpp"):
        requests = deployment.requests(backend)
        assert "/v1/chat/completions" in [request["path"] for request in requests]
        assert API_KEY not in str(requests)


def test_the_broken_router_is_refused(deploy: Deploy) -> None:
    broken = deploy(router="broken")
    broken.start()
    broken.wait_ready()
    assert broken.forward() == (401, '{"detail":"Please provide an API key"}')
    assert broken.router_health()["tabbyapi"] is False


def test_the_notes_repair_hides_the_fault(deploy: Deploy) -> None:
    """A list of keys is valid to TabbyAPI; the notes' router sends it as one odd key."""
    notes = deploy(router="notes", tokens=f"api_key: [{API_KEY}]\nadmin_key: {ADMIN_KEY}\n")
    notes.start()
    notes.wait_ready()
    assert notes.router_health()["tabbyapi"] is True
    assert notes.forward().status == 401


def test_a_router_of_another_account(deploy: Deploy) -> None:
    apart = deploy(user="tabby", router_user="llm-router")
    apart.start()
    apart.wait_ready()
    assert apart.router_health()["tabbyapi"] is True


def test_the_doctor_runs_inside(deployment: Deployment) -> None:
    assert deployment.doctor("--version").exit_code == 0
    assert deployment.doctor("--version", user="ivan").exit_code == 0


def test_the_units_run_as_they_should(deployment: Deployment) -> None:
    machine = deployment.machine
    assert [machine.property(unit, "ActiveState") for unit in UNITS] == ["active"] * len(UNITS)
    tabby = machine.property("tabbyapi.service", "MainPID")
    assert machine.run(["ps", "-o", "user=", "-p", tabby]).stdout.strip() == deployment.user


def processes_of(scratch: Path) -> list[int]:
    """The processes that hold up the machine of `scratch`: boot.sh and what it started."""
    argument = str(scratch).encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if argument in (entry / "cmdline").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def cgroups_of(processes: list[int]) -> list[str]:
    """The cgroups of machines that one of the processes made (boot.sh names them by its number)."""
    look = "mount -t cgroup2 cgroup2 /mnt && find /mnt -type d -path '*tabbydoctor-lab-*'"
    listing = subprocess.run(
        ["unshare", "--mount", "sh", "-c", look], check=True, capture_output=True, text=True
    )
    names = {f"tabbydoctor-lab-{process}" for process in processes}
    return [line for line in listing.stdout.splitlines() if names & set(line.split("/"))]


def assert_nothing_left(scratch: Path, processes: list[int]) -> None:
    assert processes_of(scratch) == []
    assert [path.name for path in scratch.iterdir()] == ["boot.log"]
    assert str(scratch) not in Path("/proc/self/mounts").read_text()
    assert cgroups_of(processes) == []
