"""The installed `tabbydoctor fix --auth`, inside: repaired, proven, taken back byte for byte."""

from __future__ import annotations

import pytest

from tests.lab.deployment import ADMIN_KEY, API_KEY, BACKENDS, CONFIG, Deploy, Deployment
from tests.lab.faults.fault import edit_router, set_unit
from tests.lab.faults.router import FROM_ENVIRONMENT
from tests.lab.outcome import faults_in, told

WATCHED = ("/opt/llm-router", "/etc/systemd", "/home/ivan")
STRATEGIES = ["disable-auth", "router-tokens", "router-env"]


def running(deploy: Deploy, **variations: object) -> Deployment:
    deployment = deploy(**variations)
    deployment.start()
    deployment.wait_ready()
    return deployment


def watched(deployment: Deployment) -> dict[str, object]:
    """Every file that matters, but for what Python and TabbyAPI write by themselves."""
    found = deployment.machine.snapshot(list(WATCHED))
    return {
        str(path): state
        for path, state in found.items()
        if "__pycache__" not in str(path) and "/logs/" not in str(path)
    }


def leaked(deployment: Deployment) -> list[str]:
    """Keys that other backends were sent."""
    return [
        name
        for backend in BACKENDS
        for request in deployment.requests(backend)
        for name in request["headers"]
        if name.lower() in ("authorization", "x-api-key", "x-admin-key")
    ]


@pytest.mark.parametrize("router", ["broken", "notes"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_strategy_repairs_and_is_taken_back(
    deploy: Deploy, strategy: str, router: str
) -> None:
    deployment = running(deploy, router=router)
    assert deployment.forward().status == 401
    before = watched(deployment)
    fixed = deployment.doctor("fix", "--auth", "--strategy", strategy, "--yes", "--format", "json")
    assert fixed.exit_code == 0, fixed.stdout + fixed.stderr
    assert (fixed.document["applied"], fixed.document["verified"]) == (True, True)
    assert API_KEY not in fixed.stdout + fixed.stderr
    deployment.wait_ready()
    # The notes' probe asks for a completion: with no model loaded it never turns healthy.
    if (strategy, router) != ("disable-auth", "notes"):
        deployment.machine.wait_for(lambda: deployment.router_health()["tabbyapi"], "ready", 20)
    assert deployment.forward().status != 401
    for model in ("sglang-test", "test.gguf"):
        assert deployment.forward(model).status == 200
    assert leaked(deployment) == []

    again = deployment.doctor("fix", "--auth", "--strategy", strategy, "--yes", "--format", "json")
    assert (again.exit_code, again.document["changes"]) == (0, [])
    checked = deployment.doctor("check", "--format", "json")
    hopeless = (strategy, router) == ("disable-auth", "notes")
    allowed = {"RTR007", "RTR010"} if hopeless else set()
    assert faults_in(checked.document) <= allowed, told(checked.document)

    undone = deployment.doctor("undo")
    assert undone.exit_code == 0, undone.stdout + undone.stderr
    assert watched(deployment) == before
    deployment.wait_ready()
    assert deployment.forward().status == 401


def test_nothing_is_done_without_a_yes_or_in_a_dry_run(deploy: Deploy) -> None:
    deployment = running(deploy, router="broken")
    before = watched(deployment)
    for arguments in (["--dry-run"], []):
        ran = deployment.doctor("fix", "--auth", *arguments, "--format", "json")
        assert (ran.exit_code, ran.document["applied"]) == (1, False)
        assert ran.document["changes"]
    assert watched(deployment) == before
    assert not deployment.machine.exists("/var/lib/tabbydoctor/changes")


def test_a_healthy_one_has_nothing_to_fix(deployment: Deployment) -> None:
    for arguments in (["--dry-run"], ["--yes"]):
        ran = deployment.doctor("fix", "--auth", *arguments, "--format", "json")
        assert (ran.exit_code, ran.document["changes"]) == (0, [])


def test_only_what_the_plan_says_is_restarted(deploy: Deploy) -> None:
    deployment = running(deploy, router="broken")
    pid = deployment.machine.property("tabbyapi.service", "MainPID")
    assert deployment.doctor("fix", "--auth", "--yes").exit_code == 0
    assert deployment.machine.property("tabbyapi.service", "MainPID") == pid


def test_auth_is_not_switched_off_where_others_can_reach_it(deploy: Deploy) -> None:
    exposed = CONFIG.replace("host: 127.0.0.1", "host: 0.0.0.0")
    deployment = running(deploy, router="broken", config=exposed)
    before = watched(deployment)
    arguments = ["fix", "--auth", "--strategy", "disable-auth", "--yes", "--format", "json"]
    refused = deployment.doctor(*arguments)
    assert (refused.exit_code, refused.document["applied"]) == (1, False)
    assert watched(deployment) == before
    allowed = deployment.doctor(*arguments, "--allow-exposed")
    assert allowed.exit_code == 0, allowed.stdout


def test_a_router_that_may_not_read_the_tokens_gets_the_key_by_its_unit(deploy: Deploy) -> None:
    deployment = running(deploy, router="broken", router_user="gateway")
    deployment.machine.run(["chmod", "600", str(deployment.tokens)])
    fixed = deployment.doctor("fix", "--auth", "--yes", "--format", "json")
    assert fixed.exit_code == 0, fixed.stdout + fixed.stderr
    targets = [change["target"] for change in fixed.document["changes"]]
    assert any(target.endswith("zz-tabbydoctor-key.conf") for target in targets)
    shown = deployment.machine.run(
        ["systemctl", "show", "llm-router.service"], user="gateway"
    ).stdout
    assert API_KEY not in shown
    assert deployment.forward().status != 401


def test_a_rotated_key_works_without_a_restart(deploy: Deploy) -> None:
    deployment = running(deploy, router="broken")
    assert deployment.doctor("fix", "--auth", "--yes").exit_code == 0
    rotated = "0123456789abcdef0123456789abcdef"
    deployment.machine.write(
        deployment.tokens, f"api_key: [{rotated}]\nadmin_key: {ADMIN_KEY}\n",
        mode=0o600, owner=f"{deployment.user}:{deployment.user}",
    )  # fmt: skip
    old = {"Authorization": f"Bearer {API_KEY}"}
    url = "http://127.0.0.1:5000/v1/auth/permission"
    deployment.machine.wait_for(
        lambda: deployment.request("GET", url, headers=old).status == 401, "the new key", 15
    )
    assert deployment.forward().status != 401


def test_without_a_restart_it_says_what_is_left(deploy: Deploy) -> None:
    deployment = running(deploy, router="broken")
    fixed = deployment.doctor("fix", "--auth", "--yes", "--no-restart", "--format", "json")
    assert (fixed.exit_code, fixed.document["verified"]) == (1, None)
    assert "restart" in fixed.stdout
    again = deployment.doctor("fix", "--auth", "--yes", "--no-restart", "--format", "json")
    assert (again.exit_code, again.document["changes"]) == (0, [])


def test_what_does_not_work_is_taken_back(deploy: Deploy) -> None:
    deployment = running(deploy, router="broken")
    # The router cannot be started any more: whatever the repair does to it, it stays down.
    deployment.machine.dropin("llm-router.service", "[Service]\nExecStartPre=/bin/false\n")
    before = watched(deployment)
    fixed = deployment.doctor("fix", "--auth", "--yes", "--format", "json")
    assert (fixed.exit_code, fixed.document["rolled_back"]) == (3, True), fixed.stdout
    assert watched(deployment) == before


def test_a_variable_that_nobody_sets_is_set_once(deploy: Deploy) -> None:
    deployment = deploy()
    edit_router(deployment, *FROM_ENVIRONMENT, ("TABBY_API_KEY", "TABBYAPI_KEY"))
    deployment.start()
    deployment.wait_ready()
    before = watched(deployment)
    source = deployment.machine.read(deployment.router)
    arguments = ["fix", "--auth", "--strategy", "router-env", "--yes", "--format", "json"]
    fixed = deployment.doctor(*arguments, "--no-restart")
    assert (fixed.exit_code, fixed.document["verified"]) == (1, None), fixed.stdout
    assert "restart" in fixed.stdout
    again = deployment.doctor(*arguments, "--no-restart")
    assert (again.exit_code, again.document["changes"]) == (0, [])
    deployment.machine.systemctl("restart", "llm-router.service")
    deployment.wait_ready()
    assert deployment.forward().status != 401
    kept = "/etc/tabbydoctor/llm-router.service/environment"
    assert deployment.machine.run(["stat", "-c%a %U", kept]).stdout == "600 root\n"
    shown = ["systemctl", "show", "llm-router.service"]
    assert API_KEY not in deployment.machine.run(shown, user="backend").stdout
    assert deployment.machine.read(deployment.router) == source
    assert deployment.doctor("undo").exit_code == 0
    assert watched(deployment) == before


def test_a_variable_that_nobody_reads_is_left_to_a_person(deploy: Deploy) -> None:
    deployment = deploy(router="broken")
    set_unit(deployment, "Environment=TABBY_SPARE_KEY=nothing", unit="llm-router.service")
    deployment.machine.systemctl("daemon-reload")
    deployment.start()
    deployment.wait_ready()
    fixed = deployment.doctor("fix", "--auth", "--yes", "--format", "json")
    assert (fixed.exit_code, fixed.document["verified"]) == (0, True), fixed.stdout
    assert fixed.document["remaining"] == []
    left = deployment.doctor("check", "--only", "RTR009", "--format", "json")
    assert faults_in(left.document) == {"RTR009"}
    again = deployment.doctor("fix", "--auth", "--yes", "--format", "json")
    assert (again.exit_code, again.document["changes"]) == (0, [])
    safe = deployment.doctor("fix", "--all-safe", "--dry-run", "--format", "json")
    assert not [one for one in safe.document["manual"] if "RTR009" in one]
    named = deployment.doctor("fix", "RTR009", "--yes", "--format", "json")
    assert (named.exit_code, named.document["remaining"]) == (1, ["RTR009"])
    assert [one for one in named.document["manual"] if one.startswith("RTR009")]
