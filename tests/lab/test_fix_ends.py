"""How `fix --auth` ends: with 0 on proof alone, the second time with nothing to change."""

from __future__ import annotations

import pytest

from tests.lab.deployment import API_KEY, CONFIG, Deploy, Deployment
from tests.lab.faults.fault import edit_router, set_unit
from tests.lab.faults.router import (
    FROM_ENVIRONMENT,
    FROM_FILE,
    NOT_A_STRING,
    wait_until_old,
)
from tests.lab.outcome import faults_in
from tests.lab.test_fix import running, watched

ROUTER = "llm-router.service"
KEPT = "/etc/tabbydoctor/llm-router.service"
DROPIN = f"/etc/systemd/system/{ROUTER}.d/zz-tabbydoctor-key.conf"
AUTH = ("fix", "--auth", "--yes", "--format", "json")
WIRING = ("router-tokens", "router-env")


def check(deployment: Deployment, only: str = "RTR,CFG004") -> set[str]:
    return set(faults_in(deployment.doctor("check", "--only", only, "--format", "json").document))


def test_a_section_without_effect_blocks_no_repair(deploy: Deploy) -> None:
    deployment = running(deploy, router="broken", config=f"{CONFIG}\nauth:\n  disable: true\n")
    before = watched(deployment)
    assert {"CFG004", "RTR001"} <= check(deployment)
    fixed = deployment.doctor(*AUTH)
    assert (fixed.exit_code, fixed.document["verified"]) == (0, True), fixed.stdout
    assert check(deployment) == set()
    assert deployment.forward().status != 401
    again = deployment.doctor(*AUTH)
    assert (again.exit_code, again.document["changes"]) == (0, []), again.stdout
    assert deployment.doctor("undo").exit_code == 0
    assert watched(deployment) == before


def test_before_and_after_are_shown_with_who_answered(deploy: Deploy) -> None:
    deployment = running(deploy, router="broken")
    fixed = deployment.doctor(*AUTH)
    before, after = fixed.document["before"]["request"], fixed.document["after"]["request"]
    assert (before["status"], before["by"]) == (401, "TabbyAPI"), fixed.stdout
    assert (after["status"] != 401, after["by"]) == (True, "TabbyAPI"), fixed.stdout
    text = deployment.doctor("fix", "--auth", "--yes").stdout
    assert "a request through it:" in text


@pytest.mark.parametrize("strategy", ["disable-auth", *WIRING])
def test_the_second_time_nothing_is_changed(deploy: Deploy, strategy: str) -> None:
    deployment = running(deploy, router="broken")
    named = (*AUTH, "--strategy", strategy)
    assert deployment.doctor(*named).exit_code == 0
    deployment.wait_ready()
    again = deployment.doctor(*named)
    assert (again.exit_code, again.document["changes"]) == (0, []), again.stdout
    if strategy != "disable-auth":
        none = deployment.doctor(*AUTH)
        assert (none.exit_code, none.document["changes"]) == (0, []), none.stdout


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("router-env", "router-tokens"),
        ("router-tokens", "router-env"),
        ("disable-auth", "router-tokens"),
        ("router-env", "disable-auth"),
    ],
)
def test_switching_leaves_nothing_of_the_first(deploy: Deploy, first: str, second: str) -> None:
    deployment = running(deploy, router="broken")
    untouched = watched(deployment)
    assert deployment.doctor(*AUTH, "--strategy", first).exit_code == 0
    deployment.wait_ready()
    switched = deployment.doctor(*AUTH, "--strategy", second)
    assert switched.exit_code == 0, switched.stdout + switched.stderr
    deployment.wait_ready()
    machine = deployment.machine
    assert deployment.forward().status != 401
    by_unit = second == "router-env"
    assert machine.exists(DROPIN) is by_unit
    assert machine.exists(f"{KEPT}/tabby_api_key") is by_unit
    source = machine.read(deployment.router)
    assert (str(deployment.tokens) in source) is (second == "router-tokens")
    assert ("tabbydoctor" in source) is (second != "disable-auth")
    enforced = deployment.request("GET", "http://127.0.0.1:5000/v1/models").status == 401
    assert enforced is (second != "disable-auth")
    for _ in (second, first):
        assert deployment.doctor("undo").exit_code == 0
    assert watched(deployment) == untouched


def test_a_key_in_the_open_that_nothing_needs_is_taken_away(deploy: Deploy) -> None:
    deployment = deploy()
    edit_router(deployment, *FROM_ENVIRONMENT)
    set_unit(deployment, f"Environment=TABBY_API_KEY={API_KEY[::-1]}", unit=ROUTER)
    deployment.machine.systemctl("daemon-reload")
    deployment.start()
    deployment.wait_ready()
    fixed = deployment.doctor(*AUTH, "--strategy", "router-tokens")
    assert (fixed.exit_code, fixed.document["verified"]) == (0, True), fixed.stdout
    shown = deployment.machine.run(["systemctl", "show", ROUTER, "-p", "Environment"]).stdout
    assert "TABBY_API_KEY" not in shown
    assert check(deployment, "RTR,SVC008") == set()


def test_what_was_repaired_without_a_restart_is_not_what_runs(deploy: Deploy) -> None:
    deployment = running(deploy, router="broken")
    wait_until_old(deployment)
    assert deployment.doctor(*AUTH, "--no-restart").exit_code == 1
    assert "RTR015" in check(deployment)
    assert deployment.forward().status == 401
    again = deployment.doctor(*AUTH, "--no-restart")
    assert (again.exit_code, again.document["changes"]) == (0, []), again.stdout
    fixed = deployment.doctor(*AUTH)
    assert (fixed.exit_code, fixed.document["verified"]) == (0, True), fixed.stdout
    assert check(deployment) == set()
    assert deployment.forward().status != 401


@pytest.mark.parametrize("setting", ["ProtectHome=yes", "InaccessiblePaths=/home/ivan/TabbyAPI"])
@pytest.mark.parametrize("router", ["broken", "healthy"])
def test_tokens_out_of_the_routers_reach_come_by_its_unit(
    deploy: Deploy, router: str, setting: str
) -> None:
    deployment = deploy(router=router)
    set_unit(deployment, setting, unit=ROUTER)
    deployment.machine.systemctl("daemon-reload")
    deployment.start()
    deployment.wait_ready()
    if router == "healthy":
        assert "RTR017" in check(deployment)
    fixed = deployment.doctor(*AUTH)
    assert (fixed.exit_code, fixed.document["verified"]) == (0, True), fixed.stdout
    assert deployment.machine.exists(f"{KEPT}/tabby_api_key")
    assert deployment.forward().status != 401
    assert check(deployment) == set()
    again = deployment.doctor(*AUTH)
    assert (again.exit_code, again.document["changes"]) == (0, []), again.stdout


def test_a_home_that_is_shut_is_out_of_reach(deploy: Deploy) -> None:
    deployment = deploy(router_user="gateway")
    deployment.machine.run(["chmod", "700", "/home/ivan"])
    deployment.start()
    deployment.wait_ready()
    assert "RTR017" in check(deployment)
    fixed = deployment.doctor(*AUTH)
    assert (fixed.exit_code, fixed.document["verified"]) == (0, True), fixed.stdout
    assert deployment.forward().status != 401
    assert check(deployment) == set()


def test_a_newline_in_a_key_file_is_not_sent(deploy: Deploy) -> None:
    deployment = deploy()
    deployment.machine.write("/etc/llm-router/key", f"{API_KEY}\n", owner="ivan:ivan", mode=0o600)
    edit_router(
        deployment,
        ("open(TABBY_TOKENS)", 'open("/etc/llm-router/key")'),
        (FROM_FILE, "key = f.read()"),
        (NOT_A_STRING, ""),
    )
    deployment.start()
    deployment.wait_ready()
    assert deployment.forward().status >= 500
    assert "RTR017" in check(deployment)
    fixed = deployment.doctor(*AUTH)
    assert (fixed.exit_code, fixed.document["verified"]) == (0, True), fixed.stdout
    assert "key = f.read().strip()" in deployment.machine.read(deployment.router)
    assert fixed.document["before"]["request"]["by"] == "the router itself"
    assert fixed.document["after"]["request"]["by"] == "TabbyAPI"
    assert check(deployment) == set()


def test_undo_ends_when_tabbyapi_serves_again(deploy: Deploy) -> None:
    deployment = deploy(router="broken")
    set_unit(deployment, "Environment=STANDIN_LOAD_SECONDS=3")
    deployment.machine.systemctl("daemon-reload")
    deployment.start()
    deployment.wait_ready()
    assert deployment.doctor(*AUTH, "--strategy", "disable-auth").exit_code == 0
    assert deployment.doctor("undo").exit_code == 0
    assert deployment.request("GET", "http://127.0.0.1:5000/health").status == 200
