"""Finding the router and reading it, on a machine made of files below a scratch directory."""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from checks.router.probe_hopeless import probe_hopeless
from tabbydoctor.deployment.parts import (
    Connections,
    Discovery,
    Instance,
    ProcessTable,
    RouterSite,
    Units,
)
from tabbydoctor.deployment.unit import Unit, UnitFile
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.host.data import Listener, Process
from tabbydoctor.host.local import LocalHost
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.inputs import RouterInputs, router_inputs
from tabbydoctor.routers.site.command import router_command
from tabbydoctor.routers.site.finding import router_site
from tabbydoctor.routers.site.health import (
    RouterHealth,
    RouterTargets,
    router_health,
    router_targets,
)
from tabbydoctor.routers.site.keys import router_keys
from tabbydoctor.routers.unread import router_read
from tabbydoctor.routers.wiring import WiringStrategy, wire
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Address
from tabbydoctor.targets import Targets
from tests.host.servers import answers, listening
from tests.routers.cases import CASES
from tests.routers.programs import environment, place
from tests.scratch_host import ScratchHost

SOURCE = next(case for case in CASES if case.name == "per_call_client").text
TABBY = Unit(
    "tabbyapi.service", {"LoadState": "loaded", "ExecStart": "{ argv[]=python main.py ; }"}
)
NOTHING_NAMED = Targets()
NO_TABLE = ProcessTable((), ())


def _unit(name: str, command: str, directory: str = "/opt/router", **properties: str) -> Unit:
    return Unit(
        name,
        {
            "LoadState": "loaded",
            "ActiveState": "active",
            "WorkingDirectory": directory,
            "ExecStart": f"{{ path=x ; argv[]={command} ; ignore_errors=no }}",
            **properties,
        },
    )


def _write(root: Path, path: str, text: str) -> None:
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def _site(
    root: Path,
    *units: Unit,
    targets: Targets = NOTHING_NAMED,
    table: ProcessTable = NO_TABLE,
    connections: Connections | None = None,
) -> RouterSite:
    discovery = Discovery(Instance("/srv/tabby", unit=TABBY), ())
    every = Units((TABBY, *units))
    host = ScratchHost(root)
    return router_site(host, targets, every, table, discovery, None, None, connections)


def _inputs(root: Path, site: RouterSite) -> RouterInputs:
    address = Address("http://127.0.0.1:5000", "127.0.0.1:5000", "its socket")
    return router_inputs(ScratchHost(root), site, address, None)


def _read(root: Path, site: RouterSite) -> RouterReading:
    return _inputs(root, site).reading


def test_the_usual_unit(tmp_path: Path) -> None:
    _write(tmp_path, "/opt/router/router.py", SOURCE)
    unit = _unit("llm-router.service", "/usr/bin/python3 router.py", User="root")
    site = _site(tmp_path, unit)
    assert (site.path, site.kind) == ("/opt/router/router.py", "python")
    assert (site.unit, site.python) == (unit, "/usr/bin/python3")
    assert site.user is not None
    assert site.user.name == "root"
    assert [call.sends_key for call in _read(tmp_path, site).calls] == [False, False]


def test_a_unit_of_another_name_whose_script_speaks_of_tabbyapi(tmp_path: Path) -> None:
    _write(tmp_path, "/opt/router/app/gate.py", SOURCE)
    _write(tmp_path, "/opt/other/job.py", "import httpx\nhttpx.get('https://example.org')\n")
    other = _unit("job.service", "python /opt/other/job.py")
    gate = _unit("gate.service", "/venv/bin/uvicorn app.gate:app --port 8002")
    assert _site(tmp_path, other, gate).path == "/opt/router/app/gate.py"


def test_neither_tabbyapi_nor_the_doctor_is_a_router(tmp_path: Path) -> None:
    _write(tmp_path, "/opt/router/main.py", SOURCE)
    doctor = _unit("watch.service", "python /opt/router/main.py tabbydoctor check")
    with pytest.raises(Absent, match="name it with --router"):
        _site(tmp_path, doctor)


def test_named_by_file_finds_its_unit(tmp_path: Path) -> None:
    _write(tmp_path, "/opt/router/odd.py", SOURCE)
    unit = _unit("odd.service", "python odd.py")
    site = _site(tmp_path, unit, targets=Targets(router="/opt/router/odd.py"))
    assert site.unit == unit
    assert site.found_by == "--router"


def test_named_by_unit(tmp_path: Path) -> None:
    unit = _unit("odd.service", "python odd.py")
    site = _site(tmp_path, unit, targets=Targets(router_unit="odd"))
    assert site.path == "/opt/router/odd.py"
    with pytest.raises(Absent, match=r"there is no unit gone\.service"):
        _site(tmp_path, unit, targets=Targets(router_unit="gone"))


def test_litellm_by_its_unit(tmp_path: Path) -> None:
    text = (
        "model_list:\n- model_name: m\n  litellm_params:\n    model: openai/m\n"
        "    api_base: os.environ/TABBY_URL\n    api_key: os.environ/TABBY_API_KEY\n"
    )
    _write(tmp_path, "/etc/litellm/config.yaml", text)
    unit = _unit(
        "proxy.service",
        "/venv/bin/litellm --config /etc/litellm/config.yaml",
        Environment="TABBY_URL=http://localhost:5000/v1 TABBY_API_KEY=abc",
    )
    site = _site(tmp_path, unit)
    assert site.kind == "litellm"
    reading = _read(tmp_path, site)
    assert [call.key_from for call in reading.calls] == ["environment TABBY_API_KEY"]
    keys = router_keys(ScratchHost(tmp_path), site, reading).keys
    assert [(key.where, key.value) for key in keys] == [("unit proxy.service", "abc")]
    assert "abc" not in repr(keys)


def test_by_process_without_a_unit(tmp_path: Path) -> None:
    _write(tmp_path, "/home/me/router.py", SOURCE)
    process = Process(77, ("python3", "router.py"), uid=0, cwd="/home/me")
    site = _site(tmp_path, table=ProcessTable((process,), ()))
    assert (site.path, site.process, site.unit) == ("/home/me/router.py", process, None)


def test_the_environment_of_a_process_of_llama_swap_is_read(tmp_path: Path) -> None:
    program = tmp_path / "llama-swap"
    program.symlink_to("/usr/bin/yes")  # which ends with its reader
    given = {"TABBY_API_KEY": "abc"}
    with subprocess.Popen([program], env=given, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline()  # it runs: only now its words are sure to be told
        table = {process.pid: process for process in LocalHost().processes()}
        assert table[running.pid].environment == given


def test_a_router_that_is_gone_is_unknown(tmp_path: Path) -> None:
    site = _site(tmp_path, _unit("llm-router.service", "python router.py"))
    with pytest.raises(Unknown, match="is not there"):
        _read(tmp_path, site)


def test_its_configuration_file_tells_the_port(tmp_path: Path) -> None:
    source = (
        "import json, os, httpx\n"
        'CONFIG = os.getenv("ROUTER_CONFIG", "/nowhere.json")\n'
        "config = json.load(open(CONFIG))\n"
        'PORT = config.get("backends", {}).get("big", {}).get("port", 7000)\n'
        "def check():\n"
        '    return httpx.get(f"http://localhost:{PORT}/v1/models").status_code == 200\n'
    )
    _write(tmp_path, "/opt/router/router.py", source)
    _write(tmp_path, "/etc/router.json", '{"backends": {"big": {"port": 5000}}}')
    unit = _unit(
        "llm-router.service", "python router.py", Environment="ROUTER_CONFIG=/etc/router.json"
    )
    reading = _read(tmp_path, _site(tmp_path, unit))
    assert [call.line for call in reading.calls] == [6]
    assert reading.addresses == ("http://localhost:5000",)


NOTES = Path(__file__).parents[2] / "lab" / "data" / "router-notes.py.txt"


@pytest.mark.parametrize("strategy", ["router-tokens", "router-env"])
def test_a_wired_probe_is_read_as_what_it_asks(tmp_path: Path, strategy: WiringStrategy) -> None:
    urls = ("http://127.0.0.1:5000",)
    wired = wire(
        NOTES.read_bytes(),
        tabby_urls=urls,
        strategy=strategy,
        tokens_path="/srv/tabby/api_tokens.yml",
    )
    _write(tmp_path, "/opt/router/router.py", wired.source.decode())
    reading = _read(tmp_path, _site(tmp_path, _unit("llm-router.service", "python router.py")))
    assert {(call.method, call.path) for call in reading.of("probe")} == {("GET", "/v1/models")}
    assert all(call.sends_key for call in reading.calls)
    model_less = EffectiveConfig("/srv/tabby", {})
    assert not list(probe_hopeless.judge(reading, model_less, None))
    assert set(reading.addresses) == set(urls)
    if strategy == "router-env":
        assert "TABBY_API_KEY" in reading.reads_environment
    else:
        assert "/srv/tabby/api_tokens.yml" in reading.reads_files


SHARED_URL = """'''Sends requests on; TabbyAPI once was at port 5001.'''
import httpx

# 5001 is TabbyAPI
SGLANG_PORT = 30000
TABBY_PORT = 5001
PORTS = {"sglang": SGLANG_PORT, "tabbyapi": TABBY_PORT}

def check(backend):
    return httpx.get(f"http://127.0.0.1:{PORTS[backend]}/v1/models").status_code == 200
"""


def test_the_line_that_sets_the_address_is_found(tmp_path: Path) -> None:
    _write(tmp_path, "/opt/router/router.py", SHARED_URL)
    reading = _read(tmp_path, _site(tmp_path, _unit("llm-router.service", "python router.py")))
    assert reading.written_at == {"http://127.0.0.1:5001": "/opt/router/router.py:6"}


def test_an_address_that_the_unit_sets_is_found_there(tmp_path: Path) -> None:
    source = (
        "import httpx, os\n"
        'TABBY = os.getenv("TABBY_URL", "http://127.0.0.1:5000")\n'
        "def check():\n"
        '    return httpx.get(TABBY + "/v1/models").status_code == 200\n'
    )
    _write(tmp_path, "/opt/router/router.py", source)
    file = "/etc/systemd/system/llm-router.service"
    unit = _unit(
        "llm-router.service", "python router.py", Environment="TABBY_URL=http://[::1]:5000"
    )
    text = "[Service]\nEnvironment=TABBY_URL=http://[::1]:5000\nExecStart=python router.py\n"
    reading = _read(tmp_path, _site(tmp_path, replace(unit, files=(UnitFile(file, text),))))
    assert reading.written_at == {"http://[::1]:5000": f"{file}:2"}


@pytest.mark.parametrize("seen", [True, False])
def test_whose_port_it_is_may_be_hidden(tmp_path: Path, seen: bool) -> None:
    _write(tmp_path, "/opt/router/router.py", f'{SOURCE}\nHEALTH = "/health"\n')
    with listening(answers("200 OK", b'{"tabbyapi": false}')) as router:
        process = Process(7, ("python", "router.py"))
        table = ProcessTable((process,), (Listener("127.0.0.1", router.port, 7 if seen else None),))
        site = RouterSite("/opt/router/router.py", "python", process=process)
        inputs = _inputs(tmp_path, site)

        async def ask() -> RouterHealth:
            host = ScratchHost(tmp_path)
            try:
                return await router_health(host, site, table, inputs)
            finally:
                await host.close()

        health = asyncio.run(ask())
    assert ("root" in health.unseen) is not seen
    assert health.tabbyapi is (False if seen else None)


def test_who_answers_where_the_router_looks(tmp_path: Path) -> None:
    address = Address("http://127.0.0.1:5000", "127.0.0.1:5000", "its socket")
    with listening(answers("200 OK", b"{}")) as stranger:
        urls = (address.url, stranger.url, "http://gpu.example:5000")

        async def ask() -> RouterTargets:
            host = ScratchHost(tmp_path)
            try:
                return await router_targets(
                    host, RouterReading("r", "python", addresses=urls), address
                )
            finally:
                await host.close()

        targets = asyncio.run(ask())
    assert {url: answer.status for url, answer in targets.answers.items()} == {stranger.url: 200}


@pytest.mark.parametrize(
    ("command", "path", "kind"),
    [
        ("/usr/bin/python3 -u -X dev router.py --port 1", "/srv/router.py", ""),
        ("python -m gateway.app", "/srv/gateway/app.py", ""),
        ("python -m uvicorn router:app", "/srv/router.py", ""),
        ("uvicorn --app-dir /opt/x router:app", "/opt/x/router.py", ""),
        ("/bin/bash -c 'exec python3 /opt/r.py'", "/opt/r.py", ""),
        ("litellm -c conf.yaml", "/srv/conf.yaml", "litellm"),
        ("llama-swap --config=/etc/swap.yaml", "/etc/swap.yaml", "llama-swap"),
        ("/usr/sbin/nginx -g daemon", None, None),
        ("python -c 'print(1)'", None, None),
    ],
)
def test_command_lines(tmp_path: Path, command: str, path: str | None, kind: str | None) -> None:
    import shlex

    found = router_command(shlex.split(command), "/srv", ScratchHost(tmp_path))
    assert (found and found.path, found and found.kind) == (path, kind)


def _program(root: Path, name: str) -> None:
    place(name, root / "opt")


@pytest.mark.parametrize(
    ("program", "command", "path", "roots"),
    [
        ("switchboard", "/usr/bin/uvicorn switchboard.app:app", "switchboard/app.py", ("",)),
        ("relaydesk", "/usr/bin/python3 -m relaydesk", "relaydesk/__main__.py", ("",)),
        ("frontdesk", "/usr/bin/gunicorn frontdesk:create_app()", "frontdesk/__init__.py", ("",)),
        ("gatehouse", "/usr/bin/uvicorn gatehouse.web:app", "src/gatehouse/web.py", ("", "/src")),
    ],
)
def test_a_package_is_found_by_what_its_modules_say(
    tmp_path: Path, program: str, command: str, path: str, roots: tuple[str, ...]
) -> None:
    _program(tmp_path, program)
    directory = f"/opt/{program}"
    _write(tmp_path, f"{directory}/switch.py", "import httpx\n")
    unit = _unit("desk.service", command, directory, Environment=f"PYTHONPATH={directory}/src")
    other = _unit("another.service", "/usr/bin/python3 switch.py", directory)
    site = _site(tmp_path, other, unit)
    assert (site.unit, site.path, site.kind) == (unit, f"{directory}/{path}", "python")
    assert site.roots[: len(roots)] == tuple(f"{directory}{root}" for root in roots)
    sources = _inputs(tmp_path, site).sources
    assert any("127.0.0.1:5000" in text for text in sources.values()) is (program != "switchboard")


def test_a_module_that_is_named_stands_for_its_program(tmp_path: Path) -> None:
    _program(tmp_path, "relaydesk")
    unit = _unit("desk.service", "/usr/bin/python3 -m relaydesk", "/opt/relaydesk")
    module = "/opt/relaydesk/relaydesk/calls/probe.py"
    site = _site(tmp_path, unit, targets=Targets(router=module))
    assert (site.unit, site.path) == (unit, "/opt/relaydesk/relaydesk/__main__.py")
    assert (site.found_by, site.named) == ("--router", False)
    _write(tmp_path, "/opt/relaydesk/other.py", SOURCE)
    alone = _site(tmp_path, unit, targets=Targets(router="/opt/relaydesk/other.py"))
    assert (alone.unit, alone.path) == (None, "/opt/relaydesk/other.py")


def test_an_installed_copy_is_told_and_not_read(tmp_path: Path) -> None:
    _program(tmp_path, "gatehouse")
    site_packages = environment(tmp_path / "opt/venv", {"gatehouse": "gatehouse.cli:main"})
    script = tmp_path / "opt/venv/bin/gatehouse"
    script.write_text(script.read_text().replace(str(tmp_path), ""))
    (tmp_path / "opt/gatehouse/src/gatehouse").rename(site_packages / "gatehouse")
    site = _site(tmp_path, _unit("llm-router.service", "/opt/venv/bin/gatehouse", "/opt"))
    place = "/opt/venv/lib/python3.12/site-packages/gatehouse/cli.py"
    assert (site.path, site.kind) == (place, "unknown")
    with pytest.raises(Unknown, match=r"is an installed copy.*pip install -e"):
        _inputs(tmp_path, site)
    assert "is an installed copy" in router_read(ScratchHost(tmp_path), site, None).unread
