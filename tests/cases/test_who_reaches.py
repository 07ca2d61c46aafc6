"""TabbyAPI is well, and a client is refused: it listens elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from checks.endpoint.bound_elsewhere import bound_elsewhere
from tabbydoctor.api import Finding, Severity
from tabbydoctor.deployment.parts import Instance, RouterSite
from tabbydoctor.host.data import Listener, Process
from tabbydoctor.routers import RouterReading
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.targets import Targets

from .scene import CONFIG, SERVER, TABBY, URL, Scene, serving, told

LAN, BRIDGE = "192.168.7.20", "172.17.0.1"
ADDRESSES = "".join(
    f"           |-- {one}\n              /32 host LOCAL\n" for one in (LAN, BRIDGE)
)
LOG = ("INFO:     Uvicorn running on http://127.0.0.1:5000",)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Its socket is bound, and none of the test's is: every address of the scene refuses."""
    scene = Scene(tmp_path)
    scene.write("/proc/net/fib_trie", ADDRESSES)
    scene.write("/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 workbench\n")
    scene.processes = (SERVER,)
    scene.log = LOG
    listens(scene, "127.0.0.1")
    return scene


def listens(scene: Scene, *addresses: str, port: int = 5000) -> None:
    scene.listeners = tuple(Listener(one, port, 1234) for one in addresses)


@pytest.mark.parametrize(
    ("bound", "url"),
    [
        ("127.0.0.1", f"http://{LAN}:5000"),
        ("127.0.0.1", f"http://{BRIDGE}:5000/v1"),
        ("127.0.0.1", "http://workbench:5000"),
        ("127.0.0.1", "http://[::1]:5000"),
        ("::1", "http://127.0.0.1:5000"),
        (LAN, "http://127.0.0.1:5000"),
    ],
)
def test_a_url_of_this_machine_where_it_does_not_listen(scene: Scene, bound: str, url: str) -> None:
    refuse(scene, url)
    listens(scene, bound)
    said = scene.examine()
    assert said.ids == ["API011"]
    assert said.explains("API011") == ("API001",)
    at = f"[{bound}]:5000" if ":" in bound else f"{bound}:5000"
    finding = said.finding("API011")
    assert finding.severity is Severity.WARNING
    assert finding.title.startswith(f"TabbyAPI listens at {at}, not at http://")
    assert finding.evidence[0].expected == at
    assert finding.evidence[1].source == f"{TABBY}/config.yml:2"
    first, ask = finding.remedies
    assert first.title.startswith("Set network.host to 0.0.0.0")
    assert ask.title == f"Ask it at http://{at}"
    down = said.finding("API001")
    assert "nothing listens" not in told(down)
    assert f"TabbyAPI listens at {at}" in down.title
    assert not any("restart" in command for one in down.remedies for command in one.commands)


def refuse(scene: Scene, url: str) -> None:
    """Every answer is a refusal, wherever the test's machine would lead."""
    scene.targets = Targets(url=url, given_by=(("url", "--url"),))
    scene.refuses = True


def test_the_wrong_port_is_asked_for_elsewhere(scene: Scene) -> None:
    refuse(scene, "http://127.0.0.1:5001")
    finding = scene.examine().finding("API011")
    assert [one.title for one in finding.remedies] == ["Ask it at http://127.0.0.1:5000"]


def test_without_authentication_it_is_not_opened_as_it_is(scene: Scene) -> None:
    scene.write(f"{TABBY}/config.yml", f"{CONFIG}  disable_auth: true\n")
    refuse(scene, f"http://{LAN}:5000")
    title = scene.examine().finding("API011").remedies[0].title
    assert title.startswith("Turn authentication on (network.disable_auth: false), and set")


def test_where_nothing_listens_nothing_listens(scene: Scene) -> None:
    scene.listeners = ()
    scene.log = ("INFO:     Loading model: models/tiny-exl3",)
    refuse(scene, URL)
    said = scene.examine()
    assert said.ids == ["API001"]
    assert said.finding("API001").title == f"TabbyAPI is loading: nothing listens yet at {URL}"
    assert said.findings("API011") == ()


def test_loopback_alone_is_a_remark(scene: Scene) -> None:
    scene.endpoint = answering("127.0.0.1:5000")
    said = scene.examine()
    assert said.ids == []
    finding = said.finding("API011")
    assert finding.severity is Severity.INFO
    assert finding.title == "Only this machine reaches TabbyAPI: it listens at 127.0.0.1:5000"


def answering(*listening: str) -> Endpoint:
    """One that answers, and is bound there."""
    found = serving()
    return replace(found, address=replace(found.address, listens=listening))


@pytest.mark.parametrize("bound", ["0.0.0.0:5000", "[::]:5000", f"{LAN}:5000"])
def test_one_that_others_reach_is_none(scene: Scene, bound: str) -> None:
    scene.endpoint = answering(bound)
    assert scene.examine().findings("API011") == ()


ROUTER = """\
import httpx
from fastapi import FastAPI, Request

app = FastAPI()
KEY = open("/keys/tabby").read().strip()

@app.post("/v1/chat/completions")
async def forward(request: Request):
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            "http://{host}:5000/v1/chat/completions",
            content=await request.body(),
            headers={{"Authorization": f"Bearer {{KEY}}"}},
        )
    return answer.json()
"""


@pytest.mark.parametrize("name", ["host.docker.internal", "host.containers.internal"])
def test_a_router_that_names_the_machine_as_its_engine_does(scene: Scene, name: str) -> None:
    scene.write("/opt/router/main.py", ROUTER.format(host=name))
    scene.targets = Targets(router="/opt/router/main.py")
    scene.endpoint = answering("127.0.0.1:5000")
    finding = scene.examine().finding("API011")
    assert finding.evidence[0].source == "/opt/router/main.py:11"


@pytest.mark.parametrize(
    ("url", "cgroup"),
    [
        ("http://host.docker.internal:5000", "/system.slice/llm-router.service"),
        ("http://host.containers.internal:5000/v1", ""),
        ("http://127.0.0.1:5000", f"/system.slice/docker-{'ab' * 32}.scope"),
        ("http://localhost:5000", f"/machine.slice/libpod-{'cd' * 32}.scope/container"),
    ],
)
def test_a_router_in_a_container_does_not_reach_loopback(url: str, cgroup: str) -> None:
    process = Process(77, ("python", "main.py"), cgroup=cgroup)
    site = RouterSite("/opt/router/main.py", "python", process=process)
    reading = RouterReading("/opt/router/main.py", "python", addresses=(url,))
    instance = Instance(TABBY)

    def judged(*listening: str) -> list[Finding]:
        found = answering(*listening)
        return list(bound_elsewhere.judge(found, Targets(), instance, None, site, reading))

    (finding,) = judged("127.0.0.1:5000")
    assert finding.severity is None
    assert "a router in a container does not reach it" in finding.title
    assert finding.evidence[0].actual == url
    assert judged("0.0.0.0:5000") == []
    assert judged(f"{BRIDGE}:5000") == []
