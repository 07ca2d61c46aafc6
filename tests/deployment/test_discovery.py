"""Finding TabbyAPI without any option."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tabbydoctor.deployment.discovery import discovery, instance, process_state
from tabbydoctor.deployment.machine import machine, process_table
from tabbydoctor.deployment.parts import Discovery, Instance, Machine, Units
from tabbydoctor.deployment.units import units
from tabbydoctor.facts import Absent, Facts, Unknown
from tabbydoctor.host import Account, CommandResult, Host, Listener, Process
from tabbydoctor.host.local import LocalHost
from tabbydoctor.targets import Targets
from tests.scratch_host import ScratchHost

ACCOUNTS = [
    Account("root", 0, 0, "/root", "/bin/bash", (0,)),
    Account("ivan", 1000, 1000, "/home/ivan", "/bin/bash", (1000, 44)),
]
RUNNING = {
    "ActiveState": "active",
    "MainPID": "42",
    "User": "ivan",
    "WorkingDirectory": "/home/ivan/TabbyAPI",
}


def tabby_directory(root: Path, path: str = "/home/ivan/TabbyAPI") -> None:
    (root / path[1:] / "common").mkdir(parents=True)
    (root / path[1:] / "common/config_models.py").write_text("")
    (root / path[1:] / "main.py").write_text("")


def unit_file(root: Path, name: str, text: str) -> str:
    path = root / "etc/systemd/system" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return f"/etc/systemd/system/{name}"


def shown(name: str, **properties: str) -> str:
    values = {"Id": name, "LoadState": "loaded", "ActiveState": "inactive"} | properties
    return "".join(f"{key}={value}\n" for key, value in values.items())


def find(
    root: Path,
    *blocks: str,
    processes: Sequence[Process] = (),
    listeners: Sequence[Listener] = (),
    targets: Targets | None = None,
    systemd: bool = True,
) -> Discovery:
    answers = {
        "systemctl show --property=Version": "252 (252.38-1)\n",
        "systemctl show": "\n".join(blocks),
    }
    host = ScratchHost(
        root,
        commands=answers if systemd else {},
        processes=processes,
        listeners=listeners,
        accounts=ACCOUNTS,
    )
    facts = Facts([targets or Targets()], [machine, process_table, units, discovery])
    facts.provide(Host, host)
    return asyncio.run(facts.get(Discovery))


def found(result: Discovery) -> Instance:
    assert result.instance is not None
    return result.instance


def server(pid: int = 42, cwd: str = "/home/ivan/TabbyAPI", *arguments: str) -> Process:
    argv = ("/opt/venv/bin/python", "main.py", *arguments)
    return Process(pid, argv, uid=1000, cwd=cwd, cgroup="/system.slice/tabbyapi.service")


def test_by_the_usual_name(tmp_path: Path) -> None:
    tabby_directory(tmp_path)
    path = unit_file(
        tmp_path,
        "tabbyapi.service",
        "[Service]\nWorkingDirectory=/home/ivan/TabbyAPI\nUser=ivan\n"
        'Environment="TABBY_NETWORK_PORT=5055"\n'
        "ExecStart=/opt/venv/bin/python main.py --config '/etc/my config.yml'\n",
    )
    block = shown(
        "tabbyapi.service",
        FragmentPath=path,
        User="ivan",
        WorkingDirectory="/home/ivan/TabbyAPI",
        Environment="TABBY_NETWORK_PORT=5055",
        ExecStart="{ path=/opt/venv/bin/python ; argv[]=/opt/venv/bin/python main.py ; }",
    )
    one = found(find(tmp_path, block))
    assert one.directory == "/home/ivan/TabbyAPI"
    assert one.arguments == ("--config", "/etc/my config.yml")
    assert one.environment == {"TABBY_NETWORK_PORT": "5055"}
    assert one.environment_sources["TABBY_NETWORK_PORT"] == f"{path}:4"
    assert one.user is not None
    assert one.user.name == "ivan"
    assert one.python == "/opt/venv/bin/python"
    assert one.process is None


def test_by_what_exec_start_runs(tmp_path: Path) -> None:
    tabby_directory(tmp_path, "/srv/llm")
    path = unit_file(
        tmp_path,
        "exl3-server.service",
        "[Service]\nExecStart=/usr/bin/python3 -u /srv/llm/main.py\n",
    )
    block = shown("exl3-server.service", FragmentPath=path, WorkingDirectory="/srv/llm")
    one = found(find(tmp_path, block))
    assert one.unit is not None
    assert one.unit.name == "exl3-server.service"
    assert one.program is None


def test_another_main_py_is_no_tabbyapi(tmp_path: Path) -> None:
    (tmp_path / "srv/web").mkdir(parents=True)
    (tmp_path / "srv/web/main.py").write_text("")
    path = unit_file(tmp_path, "web.service", "[Service]\nExecStart=/usr/bin/python3 main.py\n")
    block = shown("web.service", FragmentPath=path, WorkingDirectory="/srv/web")
    assert find(tmp_path, block).instance is None


def test_environment_files_win_and_are_named(tmp_path: Path) -> None:
    tabby_directory(tmp_path)
    unit_file(tmp_path, "tabbyapi.service", "[Service]\n")
    (tmp_path / "etc/one.env").write_text("# x\nTABBY_NETWORK_PORT='1'\n")
    block = shown(
        "tabbyapi.service",
        Environment="TABBY_NETWORK_PORT=2 TABBY_NETWORK_HOST=::",
        EnvironmentFiles="/etc/one.env (ignore_errors=no)\nEnvironmentFiles=/etc/gone.env "
        "(ignore_errors=yes)",
        **{key: RUNNING[key] for key in ("User", "WorkingDirectory")},
    )
    one = found(find(tmp_path, block))
    assert one.environment == {"TABBY_NETWORK_PORT": "1", "TABBY_NETWORK_HOST": "::"}
    assert one.environment_sources["TABBY_NETWORK_PORT"] == "/etc/one.env"
    assert one.unit is not None
    assert [(file.path, file.optional) for file in one.unit.environment_files] == [
        ("/etc/one.env", False),
        ("/etc/gone.env", True),
    ]


def test_behind_a_wrapper_script_the_process_tells(tmp_path: Path) -> None:
    tabby_directory(tmp_path)
    path = unit_file(tmp_path, "tabbyapi.service", "[Service]\nExecStart=/usr/local/bin/run-it\n")
    block = shown("tabbyapi.service", FragmentPath=path, **RUNNING)
    process = Process(
        43,
        ("/opt/venv/bin/python", "main.py", "--port", "5001"),
        uid=1000,
        cwd="/home/ivan/TabbyAPI",
        environment={"TABBY_NETWORK_HOST": "0.0.0.0", "HOME": "/home/ivan"},
        unit="tabbyapi.service",
    )
    shell = Process(42, ("/bin/sh", "/usr/local/bin/run-it"), unit="tabbyapi.service")
    one = found(find(tmp_path, block, processes=[shell, process]))
    assert one.process == process
    assert one.arguments == ("--port", "5001")
    assert one.environment == {"TABBY_NETWORK_HOST": "0.0.0.0"}
    assert "process 43" in one.environment_sources["TABBY_NETWORK_HOST"]


def test_without_systemd_by_the_process_table(tmp_path: Path) -> None:
    tabby_directory(tmp_path)
    one = found(find(tmp_path, processes=[server()], systemd=False))
    assert (one.directory, one.unit) == ("/home/ivan/TabbyAPI", None)
    assert one.found_by["dir"] == "process 42"


def test_in_a_container_it_is_named_and_read_through_its_root(tmp_path: Path) -> None:
    tabby_directory(tmp_path, "/proc/42/root/app")
    process = Process(
        42, ("python3", "main.py"), uid=0, cwd="/app", cgroup="/docker/0123456789abcdef0123"
    )
    one = found(find(tmp_path, processes=[process], systemd=False))
    assert (one.container, one.directory) == ("docker 0123456789ab", "/proc/42/root/app")


def test_of_several_the_one_asked_for_and_the_others_are_told(tmp_path: Path) -> None:
    tabby_directory(tmp_path, "/srv/one")
    tabby_directory(tmp_path, "/srv/two")
    for name, directory in (("tabbyapi.service", "/srv/one"), ("tabby-two.service", "/srv/two")):
        unit_file(tmp_path, name, f"[Service]\nExecStart=/usr/bin/python3 {directory}/main.py\n")
    blocks = [
        shown(
            name,
            WorkingDirectory=directory,
            ExecStart=f"{{ path=/bin/python3 ; argv[]=/bin/python3 {directory}/main.py ; }}",
        )
        for name, directory in (("tabby-two.service", "/srv/two"), ("tabbyapi.service", "/srv/one"))
    ]
    usual = find(tmp_path, *blocks)
    assert found(usual).directory == "/srv/one"
    assert [other.name for other in usual.others] == ["tabby-two.service"]
    for targets in (Targets(unit="tabby-two"), Targets(dir="/srv/two")):
        assert found(find(tmp_path, *blocks, targets=targets)).directory == "/srv/two"


@pytest.mark.parametrize("others", [(), (Listener("::1", 5001, 7),)])
def test_of_several_the_one_that_holds_the_port_of_the_url(
    tmp_path: Path, others: tuple[Listener, ...]
) -> None:
    for path in ("/srv/one", "/srv/two"):
        tabby_directory(tmp_path, path)
    processes = [server(1, "/srv/one"), server(2, "/srv/two")]
    listeners = [*others, Listener("127.0.0.1", 5000, 1), Listener("127.0.0.1", 5001, 2)]
    result = find(
        tmp_path,
        processes=processes,
        listeners=listeners,
        targets=Targets(url="http://localhost:5001"),
        systemd=False,
    )
    assert found(result).directory == "/srv/two"


def test_a_unit_that_is_named_but_not_there_is_not_found(tmp_path: Path) -> None:
    block = shown("nope.service", LoadState="not-found")
    assert find(tmp_path, block, targets=Targets(unit="nope")).instance is None


def test_units_of_a_systemd_that_does_not_answer_are_unknown(tmp_path: Path) -> None:
    refused = CommandResult(("systemctl",), 1, stderr="Failed to connect to bus: No such file\n")
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    host = ScratchHost(tmp_path, commands={"systemctl": refused}, accounts=ACCOUNTS)
    facts = Facts([Targets()], [machine, process_table, units])
    facts.provide(Host, host)
    with pytest.raises(Unknown, match="Failed to connect to bus"):
        asyncio.run(facts.get(Units))


def test_no_systemd_is_no_fault(tmp_path: Path) -> None:
    host = ScratchHost(tmp_path, accounts=ACCOUNTS)
    facts = Facts([Targets()], [machine, process_table, units])
    facts.provide(Host, host)
    with pytest.raises(Absent):
        asyncio.run(facts.get(Units))
    assert asyncio.run(facts.get(Machine)).systemd is False


MASKED = shown("tabbyapi.service", LoadState="masked", WorkingDirectory="")


def test_a_masked_unit_tells_no_directory(tmp_path: Path) -> None:
    result = find(tmp_path, MASKED)
    assert result.instance is None
    assert result.unloadable is not None
    with pytest.raises(Absent, match=r"tabbyapi\.service runs is not known .*masked.*--dir"):
        instance(result, Targets())
    assert find(tmp_path, MASKED, targets=Targets(unit="other")).unloadable is None
    named = find(tmp_path, MASKED, targets=Targets(unit="tabbyapi"))
    assert named.unloadable is not None


def test_a_masked_unit_with_a_directory_given_or_a_process(tmp_path: Path) -> None:
    tabby_directory(tmp_path)
    given = found(find(tmp_path, MASKED, targets=Targets(dir="/home/ivan/TabbyAPI")))
    assert given.directory == "/home/ivan/TabbyAPI"
    assert given.unit is not None
    by_hand = found(find(tmp_path, MASKED, processes=[server()]))
    assert (by_hand.directory, by_hand.unit) == ("/home/ivan/TabbyAPI", None)
    still_runs = shown("tabbyapi.service", LoadState="masked", ActiveState="active", MainPID="42")
    own = found(find(tmp_path, still_runs, processes=[server()]))
    assert own.directory == "/home/ivan/TabbyAPI"
    assert own.unit is not None


def stopped_unit(root: Path) -> str:
    tabby_directory(root)
    unit_file(root, "tabbyapi.service", "[Service]\nExecStart=/opt/venv/bin/python main.py\n")
    return shown("tabbyapi.service", **{**RUNNING, "ActiveState": "inactive", "MainPID": "0"})


def test_one_started_by_hand_beside_its_stopped_unit_is_one(tmp_path: Path) -> None:
    block = stopped_unit(tmp_path)
    by_hand = replace(server(), cgroup="/user.slice/user-1000.slice/session-3.scope")
    result = find(tmp_path, block, processes=[by_hand])
    one = found(result)
    assert result.others == ()
    assert one.unit is not None
    assert (one.process, one.beside_unit) == (by_hand, True)
    assert one.found_by["process"] == "process 42, started by hand, not by tabbyapi.service"
    assert one.restart == ("sudo kill 42", "sudo systemctl restart tabbyapi.service")


def test_start_sh_and_the_server_it_waits_for_are_one(tmp_path: Path) -> None:
    block = stopped_unit(tmp_path)
    shell = Process(41, ("bash", "./start.sh"), uid=1000, cwd="/home/ivan/TabbyAPI")
    (tmp_path / "home/ivan/TabbyAPI/start.sh").write_text("")
    for blocks in ([block], []):
        result = find(tmp_path, *blocks, processes=[shell, server()])
        assert found(result).process == server()
        assert result.others == ()
    assert found(find(tmp_path, processes=[shell])).process == shell


def test_one_elsewhere_or_beside_a_running_unit_is_another(tmp_path: Path) -> None:
    block = stopped_unit(tmp_path)
    tabby_directory(tmp_path, "/srv/two")
    result = find(tmp_path, block, processes=[server(42, "/srv/two")])
    assert [one.directory for one in result.others] == ["/srv/two"]
    running = shown("tabbyapi.service", **RUNNING)
    own = replace(server(42), unit="tabbyapi.service")
    result = find(tmp_path, running, processes=[own, server(43)])
    assert found(result).process == own
    assert len(result.others) == 1


def test_what_the_server_s_process_does() -> None:
    child = subprocess.Popen(["/usr/bin/python3", "-c", "input()"], stdin=subprocess.PIPE)
    try:
        process = Process(child.pid, ("python3",))
        child.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, child.pid, os.WSTOPPED)
        state = process_state(LocalHost(), Instance("/srv", process=process))
        assert (state.letter, state.halted) == ("T", True)
    finally:
        child.kill()
        child.communicate()
    with pytest.raises(Absent):
        process_state(LocalHost(), Instance("/srv", process=process))
    with pytest.raises(Absent):
        process_state(LocalHost(), Instance("/srv"))
