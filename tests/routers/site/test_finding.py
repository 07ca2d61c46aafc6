"""Finding the router by what a process runs, where it listens, and whom it is connected to."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tabbydoctor.deployment.parts import Connections, Discovery, Instance, ProcessTable
from tabbydoctor.facts import Absent
from tabbydoctor.host.data import Connection, Listener, Process
from tabbydoctor.routers.site.finding import router_site
from tabbydoctor.routers.site.health import RouterTargets, router_targets
from tabbydoctor.targets import Targets
from tests.scratch_host import ScratchHost

from .test_parts import NOTHING_NAMED, SOURCE, _read, _site, _unit, _write

NAMED = (
    "import httpx\n"
    'BASE = "http://gpu-box:5000"\n'
    "def check():\n"
    '    return httpx.get(f"{BASE}/v1/models").status_code == 200\n'
)


def test_a_name_of_this_machine_is_tabbyapi_s_address_and_is_looked_up(tmp_path: Path) -> None:
    _write(tmp_path, "/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 gpu-box.lan GPU-box # own\n")
    _write(tmp_path, "/opt/router/router.py", NAMED)
    reading = _read(tmp_path, _site(tmp_path, _unit("llm-router.service", "python router.py")))
    assert reading.addresses == ("http://gpu-box:5000",)

    async def ask() -> RouterTargets:
        host = ScratchHost(tmp_path)
        try:
            return await router_targets(host, reading, None)
        finally:
            await host.close()

    targets = asyncio.run(ask())
    assert targets.resolved == {"http://gpu-box:5000": ("127.0.1.1",)}
    assert targets.answers["http://gpu-box:5000"].status is None


def test_a_name_of_another_machine_is_not_taken_for_tabbyapi_s(tmp_path: Path) -> None:
    _write(tmp_path, "/etc/hosts", "10.0.0.9 gpu-box\n")
    _write(tmp_path, "/opt/router/router.py", NAMED)
    reading = _read(tmp_path, _site(tmp_path, _unit("llm-router.service", "python router.py")))
    assert reading.calls == ()


def _process(pid: int, command: str, **more: Any) -> Process:
    return Process(pid, tuple(command.split()), cwd="/opt/gate", **more)


def _table(*processes: Process, **listening: int) -> ProcessTable:
    """`p7=8002`: process 7 listens on that port."""
    listeners = (Listener("127.0.0.1", port, int(name[1:])) for name, port in listening.items())
    return ProcessTable(processes, tuple(listeners))


@pytest.mark.parametrize(
    "text",
    [
        'fetch("http://127.0.0.1:5000/v1/models")',
        'const url = "http://localhost:5000"',
        "const TABBY_PORT = 5000",
        'import { base } from "./settings"',
    ],
)
def test_a_program_in_any_language_by_what_it_runs(tmp_path: Path, text: str) -> None:
    _write(tmp_path, "/opt/gate/server.js", text)
    _write(tmp_path, "/opt/gate/settings.js", 'export const base = "http://127.0.0.1:5000"')
    site = _site(tmp_path, table=_table(_process(7, "/usr/bin/node server.js"), p7=8002))
    assert (site.path, site.kind) == ("/opt/gate/server.js", "unknown")
    assert site.urls == ("http://127.0.0.1:8002",)
    assert site.process is not None


@pytest.mark.parametrize(
    ("text", "listens"),
    [
        ("timeout = 5000", True),
        ("tabby = 'a cat'", True),
        ("http://127.0.0.1:50001", True),
        ("http://10.0.0.9:5000", True),
        ("http://127.0.0.1:5000", False),
    ],
)
def test_what_speaks_of_something_else_or_serves_nobody_is_no_router(
    tmp_path: Path, text: str, listens: bool
) -> None:
    _write(tmp_path, "/opt/gate/server.py", f"import httpx\n# {text}\n")
    listening = {"p7": 8002} if listens else {}
    with pytest.raises(Absent, match="no router found"):
        _site(tmp_path, table=_table(_process(7, "python server.py"), **listening))


@pytest.mark.parametrize("program", ["docker-proxy", "/usr/bin/socat", "sshd: ivan"])
def test_who_only_carries_bytes_is_no_router(tmp_path: Path, program: str) -> None:
    carrier = _process(7, f"{program} -host-ip 127.0.0.1:5000")
    made = Connections((Connection(("127.0.0.1", 41000), ("127.0.0.1", 5000), 7),))
    with pytest.raises(Absent, match="no router found"):
        _site(tmp_path, table=_table(carrier, p7=8002), connections=made)


def test_who_is_connected_to_tabbyapi_comes_before_who_speaks_of_it(tmp_path: Path) -> None:
    _write(tmp_path, "/opt/gate/server.js", "http://127.0.0.1:5000")
    table = _table(_process(7, "node server.js"), _process(8, "/opt/gate/gate"), p7=8002, p8=8003)
    assert _site(tmp_path, table=table).path == "/opt/gate/server.js"
    made = Connections((Connection(("127.0.0.1", 41000), ("127.0.0.1", 5000), 8),))
    site = _site(tmp_path, table=table, connections=made)
    assert (site.path, site.urls) == (None, ("http://127.0.0.1:8003",))


def test_tabbyapi_s_own_connections_make_it_no_router(tmp_path: Path) -> None:
    table = _table(_process(9, "python main.py"), p9=5000)
    made = Connections((Connection(("127.0.0.1", 41000), ("127.0.0.1", 5000), 9),))
    discovery = Discovery(Instance("/srv/tabby", process=table.processes[0]))
    with pytest.raises(Absent):
        router_site(ScratchHost(tmp_path), NOTHING_NAMED, None, table, discovery, None, None, made)


def test_workers_serve_on_what_their_parent_opened(tmp_path: Path) -> None:
    _write(tmp_path, "/opt/gate/gate.py", "http://127.0.0.1:5000")
    master = _process(7, "gunicorn gate:app", cgroup="/a")
    worker = replace(master, pid=8, parent=7)
    stranger = _process(9, "node x.js", parent=7, cgroup="/a")
    table = _table(master, worker, stranger, p7=8002, p9=9000)
    made = Connections((Connection(("127.0.0.1", 41000), ("127.0.0.1", 5000), 8),))
    site = _site(tmp_path, table=table, connections=made)
    assert site.pids == {7, 8}
    assert site.urls == ("http://127.0.0.1:8002",)


def test_of_a_unit_the_main_process_s_sockets_count_before_its_children_s(tmp_path: Path) -> None:
    unit = _unit("llm-router.service", "/opt/gate/gate", MainPID="7")
    main = _process(7, "/opt/gate/gate", unit="llm-router.service")
    child = _process(8, "llama-server", unit="llm-router.service", parent=7)
    site = _site(tmp_path, unit, table=_table(main, child, p7=8002, p8=5800))
    assert site.urls == ("http://127.0.0.1:8002",)
    assert site.pids == {7, 8}
    assert (site.kind, site.unit) == ("unknown", unit)


def test_the_process_that_listens_is_the_router_not_what_started_it(tmp_path: Path) -> None:
    _write(tmp_path, "/opt/gate/router.py", SOURCE)
    table = _table(
        _process(7, "timeout 200 python router.py"),
        _process(8, "python router.py", parent=7),
        p8=8002,
    )
    for targets in (NOTHING_NAMED, Targets(router="/opt/gate/router.py")):
        site = _site(tmp_path, table=table, targets=targets)
        assert site.process is not None
        assert site.process.pid == 8


def test_a_gateway_by_its_title_or_by_where_its_configuration_usually_is(tmp_path: Path) -> None:
    text = "server { location / { proxy_pass http://127.0.0.1:5000; } }"
    for place, title in (
        ("/srv/llm.txt", "nginx: master process nginx -c /srv/llm.txt"),
        ("/etc/nginx/sites-enabled/llm", "nginx: master process /usr/sbin/nginx"),
    ):
        root = tmp_path / str(len(title))
        _write(root, place, text)
        site = _site(root, table=_table(Process(7, (title,), cwd="/"), p7=80))
        assert (site.path, site.kind) == (place, "nginx")


def test_a_socket_of_both_families_is_asked_by_ipv4_first(tmp_path: Path) -> None:
    _write(tmp_path, "/opt/gate/server.js", "http://127.0.0.1:5000")
    node = _process(7, "node server.js")
    table = ProcessTable((node,), (Listener("::", 8002, 7), Listener("192.0.2.7", 9, 7)))
    assert _site(tmp_path, table=table).urls == (
        "http://192.0.2.7:9",
        "http://127.0.0.1:8002",
        "http://[::1]:8002",
    )


def test_a_unit_that_is_stopped_is_found_by_its_name_and_what_it_would_run(tmp_path: Path) -> None:
    _write(tmp_path, "/opt/gate/server.js", "http://127.0.0.1:5000")
    gate = _unit("llm-gateway.service", "/usr/bin/node server.js", "/opt/gate")
    site = _site(tmp_path, gate)
    assert (site.unit, site.path, site.urls) == (gate, "/opt/gate/server.js", ())
    other = _unit("mail-gateway.service", "/usr/bin/node mail.js", "/opt/gate")
    with pytest.raises(Absent):
        _site(tmp_path, other)
