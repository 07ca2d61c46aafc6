"""`fix --auth --strategy front`, inside: routers in any language, repaired and taken back."""

from __future__ import annotations

import shutil

import pytest

from tests.lab.deployment import ADMIN_KEY, API_KEY, Deploy, Deployment
from tests.lab.fronted import MOVES, ROUTERS, lay_out
from tests.lab.outcome import faults_in, told
from tests.lab.snapshot import FileState

FRONT = "tabbydoctor-front.service"
FIX = ("fix", "--auth", "--strategy", "front", "--yes", "--format", "json")
WATCHED = ("/opt/llm-router", "/etc/systemd", "/etc/tabbydoctor", "/etc/llm-router.env", "/home")
PROGRAMS = {"nginx": "/usr/sbin/nginx", "haproxy": "/usr/sbin/haproxy", "caddy": "/usr/bin/caddy"}


def running(
    deploy: Deploy, router: str, program: str = "nginx", *, fenced: bool = True
) -> Deployment:
    """The deployment with that router; of the programs only that one is installed."""
    if router.startswith("go") and shutil.which("go") is None:
        pytest.skip("go is not installed (Debian: golang-go)")
    deployment = deploy()
    lay_out(deployment, router)
    others = [path for name, path in PROGRAMS.items() if name != program]
    deployment.machine.remove(*others, *([] if fenced else ["/usr/sbin/nft"]))
    deployment.start()
    deployment.wait_ready()
    return deployment


def state(deployment: Deployment) -> tuple[dict[str, FileState], str, str, str]:
    """Files, rules of nft, units that fail, and what is known of the front's unit."""
    machine = deployment.machine
    files = machine.snapshot([path for path in WATCHED if machine.exists(path)])
    kept = {
        str(path): one
        for path, one in files.items()
        if "__pycache__" not in str(path) and "/logs/" not in str(path)
    }
    rules = machine.run(["nft", "list", "ruleset"], check=False).stdout
    failed = machine.systemctl("--failed", "--plain", "--no-legend")
    return kept, rules, failed, machine.property(FRONT, "LoadState")


def place(deployment: Deployment) -> str:
    """Where the front listens."""
    import json

    design = json.loads(deployment.machine.read("/etc/tabbydoctor/front/front.json"))
    return f"http://127.0.0.1:{design['port']}"


def status_for(deployment: Deployment, user: str, url: str) -> int:
    """What another account gets there; 0 for no answer."""
    argv = ["curl", "--silent", "--max-time", "5", "--output", "/dev/null"]
    done = deployment.machine.run(
        [*argv, "--write-out", "%{http_code}", url], user=user, check=False
    )
    return int(done.stdout)


@pytest.mark.parametrize("router", ROUTERS)
def test_each_router_is_repaired_and_taken_back(deploy: Deploy, router: str) -> None:
    deployment = running(deploy, router)
    assert deployment.forward().status == 401
    before = state(deployment)
    fixed = deployment.doctor(*FIX)
    assert fixed.exit_code == 0, fixed.stdout + fixed.stderr
    assert (fixed.document["applied"], fixed.document["verified"]) == (True, True)
    assert API_KEY not in fixed.stdout + fixed.stderr
    assert deployment.forward().status not in (0, 401, 502)
    moved = any(change["target"] == "tabbyapi.service" for change in fixed.document["changes"])
    assert moved == (router in MOVES)

    again = deployment.doctor(*FIX)
    assert (again.exit_code, again.document["changes"]) == (0, []), again.stdout
    checked = deployment.doctor("check", "--format", "json")
    assert faults_in(checked.document) == set(), told(checked.document)

    undone = deployment.doctor("undo")
    assert undone.exit_code == 0, undone.stdout + undone.stderr
    assert state(deployment) == before
    deployment.wait_ready()
    assert deployment.forward().status == 401


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_each_program_hands_on(deploy: Deploy, program: str) -> None:
    deployment = running(deploy, "c-argument", program)
    fixed = deployment.doctor(*FIX)
    assert fixed.exit_code == 0, fixed.stdout + fixed.stderr
    url = place(deployment)
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"X-API-Key": "wrong"},
        {"x-admin-key": "wrong"},
        {"X-API-Key": ADMIN_KEY, "Authorization": f"Bearer {ADMIN_KEY}"},
    ):
        answer = deployment.request("GET", f"{url}/v1/auth/permission", headers=headers)
        assert (answer.status, "api" in answer.body) == (200, True), answer
    for path in (
        "/v1/model/load",
        "/v1/model/load/",
        "//v1//model//load",
        "/V1/Model/LOAD",
        "/v1/model/%6coad",
        "/v1/model%2fload",
        "/v1/model/load%0A",
        "/v1/model/embedding/unload?x=1",
        "/v1/template/switch",
        "/v1/sampling/override/switch",
        "/v1/lora/load",
        "/v1/download",
    ):
        headers = {"X-Admin-Key": ADMIN_KEY, "Authorization": f"Bearer {ADMIN_KEY}"}
        answer = deployment.request("POST", url + path, headers=headers, document={})
        assert answer.status in (400, 403), (path, answer)
    assert deployment.request("GET", f"{url}/v1/model/list").status == 200
    large = deployment.request(
        "POST", f"{url}/v1/chat/completions", document={"model": "x", "prompt": "y" * (8 << 20)}
    )
    assert large.status not in (0, 401, 413, 502)


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_fence_lets_the_router_and_root_connect_alone(deploy: Deploy, program: str) -> None:
    deployment = running(deploy, "node-variable", program)
    assert deployment.doctor(*FIX).exit_code == 0
    url = f"{place(deployment)}/v1/models"
    allowed = {user: status_for(deployment, user, url) for user in ("root", "router")}
    assert allowed == {"root": 200, "router": 200}
    for user in ("mallory", "ivan", "backend"):
        assert status_for(deployment, user, url) == 0
        assert status_for(deployment, user, url.replace("127.0.0.1", "[::1]")) == 0
    # TabbyAPI itself is as it was, for everybody.
    assert status_for(deployment, "mallory", "http://127.0.0.1:5000/v1/models") == 401


def test_without_nftables_it_asks_for_leave_and_says_who_gets_in(deploy: Deploy) -> None:
    deployment = running(deploy, "node-variable", fenced=False)
    refused = deployment.doctor(*FIX)
    assert (refused.exit_code, refused.document["applied"]) == (1, False)
    assert "every local account" in refused.document["manual"][0]
    fixed = deployment.doctor(*FIX, "--allow-exposed")
    assert fixed.exit_code == 0, fixed.stdout + fixed.stderr
    assert any("every local account" in note for note in fixed.document["notes"])
    assert status_for(deployment, "mallory", f"{place(deployment)}/v1/models") == 200
    again = deployment.doctor(*FIX)
    assert (again.exit_code, again.document["changes"]) == (0, [])


def test_without_a_program_it_says_what_to_install(deploy: Deploy) -> None:
    deployment = running(deploy, "node-variable", "none")
    refused = deployment.doctor(*FIX)
    assert (refused.exit_code, refused.document["applied"]) == (1, False)
    assert "apt install nginx" in refused.document["manual"][0]


def test_it_is_never_chosen_by_itself(deploy: Deploy) -> None:
    deployment = running(deploy, "c-argument")
    left = deployment.doctor("fix", "--auth", "--yes", "--format", "json")
    assert (left.exit_code, left.document["applied"]) == (1, False)
    assert not deployment.machine.exists("/etc/tabbydoctor/front")


def test_a_rotation_is_seen_and_renewed(deploy: Deploy) -> None:
    deployment = running(deploy, "c-argument")
    assert deployment.doctor(*FIX).exit_code == 0
    before = state(deployment)
    new = "0f0e0d0c0b0a09080706050403020100"
    text = deployment.machine.read(deployment.tokens).replace(API_KEY, new)
    deployment.machine.run(["tee", deployment.tokens], input=text)
    deployment.machine.systemctl("restart", "tabbyapi.service")
    deployment.wait_ready()
    assert deployment.forward().status == 401
    checked = deployment.doctor("check", "--format", "json")
    assert faults_in(checked.document) == {"RTR005"}, told(checked.document)
    renewed = deployment.doctor("fix", "--auth", "--yes", "--format", "json")
    assert renewed.exit_code == 0, renewed.stdout + renewed.stderr
    assert new not in renewed.stdout + renewed.stderr
    assert deployment.forward().status not in (0, 401, 502)
    assert deployment.doctor("undo").exit_code == 0
    assert state(deployment)[1:] == before[1:]
    assert deployment.forward().status == 401


@pytest.mark.parametrize(
    "harm", ["stopped", "disabled", "fence", "program", "changed", "unit", "firewall"]
)
def test_what_happens_to_it_is_told_and_set_right(deploy: Deploy, harm: str) -> None:
    deployment = running(deploy, "c-argument")
    machine = deployment.machine
    assert deployment.doctor(*FIX).exit_code == 0
    url = f"{place(deployment)}/v1/models"
    match harm:
        case "stopped":
            machine.systemctl("stop", FRONT)
        case "disabled":
            machine.systemctl("disable", FRONT)
        case "fence":
            machine.run(["nft", "flush", "ruleset"])
        case "program":
            machine.run(["mv", "/usr/sbin/nginx", "/usr/sbin/nginx.gone"])
            machine.systemctl("kill", "--signal=KILL", FRONT)
            machine.wait_for(lambda: status_for(deployment, "root", url) == 0, "its end")
        case "changed":
            machine.run(["sed", "-i", "s/1d/1s/", "/etc/tabbydoctor/front/tabbydoctor-front.conf"])
        case "unit":
            machine.systemctl("stop", FRONT)
            machine.remove(f"/etc/systemd/system/{FRONT}")
            machine.systemctl("daemon-reload")
        case "firewall":
            machine.unit(
                "nftables.service",
                "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
                "ExecStart=/usr/sbin/nft flush ruleset\nExecReload=/usr/sbin/nft flush ruleset\n",
            )
            machine.systemctl("start", "nftables.service")
            machine.systemctl("reload", "nftables.service")
            machine.systemctl("restart", "nftables.service")
            machine.wait_for(lambda: status_for(deployment, "root", url) == 200, "the front")
            assert status_for(deployment, "mallory", url) == 0
            return
    if harm != "fence":
        assert status_for(deployment, "mallory", url) == 0
    checked = deployment.doctor("check", "--format", "json")
    assert "RTR021" in faults_in(checked.document), told(checked.document)
    mended = deployment.doctor("fix", "--auth", "--yes", "--format", "json")
    if harm == "program":
        assert mended.exit_code == 1, mended.stdout
        machine.run(["mv", "/usr/sbin/nginx.gone", "/usr/sbin/nginx"])
        mended = deployment.doctor("fix", "--auth", "--yes", "--format", "json")
    assert mended.exit_code == 0, mended.stdout + mended.stderr
    assert deployment.forward().status not in (0, 401, 502)
    assert status_for(deployment, "mallory", url) == 0
    assert faults_in(deployment.doctor("check", "--format", "json").document) == set()


def killed_at(number: int) -> str:
    """Runs the doctor, and kills it by SIGKILL before its n-th change of the machine."""
    return f"""\
import os, signal, sys
from tabbydoctor.repair import safefile, services
count = 0
def counted(do):
    def step(*arguments, **named):
        global count
        count += 1
        if count == {number}:
            os.kill(os.getpid(), signal.SIGKILL)
        return do(*arguments, **named)
    return step
safefile.replace = counted(safefile.replace)
services.run = counted(services.run)
from tabbydoctor.__main__ import main
sys.exit(main())
"""


def runs_killed_at(deployment: Deployment, number: int, *arguments: str) -> bool:
    """Whether it was killed before it came to its end."""
    python = str(deployment.installed.python)
    command = [python, "-c", killed_at(number), *arguments]
    ran = deployment.machine.run(command, check=False, timeout=120)
    assert ran.returncode in (0, -9, 137), ran.stdout + ran.stderr
    return ran.returncode != 0


def test_killed_at_any_step_it_is_taken_back_whole(deploy: Deploy) -> None:
    deployment = running(deploy, "stripped")
    before = state(deployment)
    number = 1
    while runs_killed_at(deployment, number, *FIX):
        deployment.doctor("undo")  # takes back what is unfinished; with nothing there it says so
        assert state(deployment) == before, number
        number += 1
    assert number > 10
    assert deployment.doctor("undo").exit_code == 0
    assert state(deployment) == before


def test_an_undo_that_is_killed_at_any_step_is_ended_by_the_next(deploy: Deploy) -> None:
    deployment = running(deploy, "c-argument")
    before = state(deployment)
    number = 1
    while True:
        assert deployment.doctor(*FIX).exit_code == 0
        killed = runs_killed_at(deployment, number, "undo")
        if killed:
            assert deployment.doctor("undo").exit_code == 0, number
        assert state(deployment) == before, number
        if not killed:
            break
        number += 1
    assert number > 8
