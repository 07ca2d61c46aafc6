"""The installed `tabbydoctor check`, inside: healthy deployments, and the common faults."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.deployment import ADMIN_KEY, API_KEY, CONFIG, UNITS, Deploy, Deployment
from tests.lab.faults import CATALOGUE
from tests.lab.gpu import give_gpu, give_model
from tests.lab.outcome import faults_in, told

__all__ = ["broken_checks", "faults_in", "told"]


def broken_checks(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Crashed checks with their reasons: there must never be any."""
    crashed = [check for check in document["checks"] if check["status"] == "crashed"]
    return [(check["id"], check["reason"]) for check in crashed]


def assert_healthy(deployment: Deployment) -> None:
    ran = deployment.doctor("check", "--format", "json")
    assert (faults_in(ran.document), broken_checks(ran.document)) == (set(), []), told(ran.document)
    assert ran.exit_code == 0


def test_a_healthy_deployment_has_no_error_and_no_warning(deployment: Deployment) -> None:
    assert_healthy(deployment)
    assert_healthy(deployment)  # the doctor's own probes are no evidence


def test_nor_has_one_with_auth_off_on_loopback(deploy: Deploy) -> None:
    open_one = deploy(
        config=CONFIG.replace("disable_auth: false", "disable_auth: true"), tokens=None,
        router="broken",
    )  # fmt: skip
    open_one.start()
    open_one.wait_ready()
    assert_healthy(open_one)


def test_nor_has_one_with_a_gpu_and_a_model(deploy: Deploy) -> None:
    serving = deploy(config=CONFIG.replace("model_dir: models", "model_name: tiny-exl3"))
    give_gpu(serving)
    give_model(serving)
    serving.start()
    serving.wait_ready()
    assert_healthy(serving)
    assert serving.forward("tiny-exl3").status == 200


def test_everything_is_found_without_an_option(deployment: Deployment) -> None:
    found = deployment.doctor("check", "--format", "json").document["deployment"]
    assert found["dir"] == str(deployment.directory)
    assert found["config_files"] == [str(deployment.config)]
    assert found["tokens_file"] == str(deployment.tokens)
    assert (found["unit"], found["user"]) == ("tabbyapi.service", deployment.user)
    assert found["url"] == "http://127.0.0.1:5000"
    assert found["router"] == {
        "path": str(deployment.router), "unit": "llm-router.service", "kind": "python",
    }  # fmt: skip


def test_an_ordinary_user_gets_what_can_be_seen_and_is_told_what_is_needed(
    deployment: Deployment,
) -> None:
    deployment.machine.useradd("visitor", shell="/bin/bash")
    ran = deployment.doctor("check", "--format", "json", user="visitor")
    assert broken_checks(ran.document) == []
    assert faults_in(ran.document) == set()
    unknown = [check for check in ran.document["checks"] if check["status"] == "unknown"]
    assert unknown
    assert all(check["reason"] for check in unknown)


def test_text_and_json_agree_and_show_no_secret(deploy: Deploy) -> None:
    broken = deploy(router="broken")
    broken.start()
    broken.wait_ready()
    runs = [broken.doctor("check", *form) for form in ([], ["--format", "json"], ["--verbose"])]
    assert {ran.exit_code for ran in runs} == {1}
    for secret in (API_KEY, ADMIN_KEY):
        assert not any(secret in ran.stdout + ran.stderr for ran in runs)


# The faults one meets most; `python -m tests.lab.accuracy` examines the whole catalogue.
COMMON = (
    "option 1 of the notes",
    "a key with a typo",
    "broken YAML",
    "a boolean with a typo",
    "auth off on all addresses",
    "the --config file is gone",
    "the model is not there",
    "its port is taken",
    "both its ports are taken",
    "stopped by hand",
    "driver and library differ",
    "no GPU",
    "no uvm node",
    "the nodes are for a group",
    "private devices",
    "a router without a key",
    "option 2 of the notes",
    "an interpreter below /root",
    "not enabled",
    "unit changed, not reloaded",
    "an environment file is missing",
    "a key in Environment=",
    "no admin key",
    "broken tokens",
    "tokens belong to root",
    "tokens for all to read",
    "one key for all",
)


@pytest.mark.parametrize("name", COMMON)
def test_the_root_of_each_fault_is_named_first(deploy: Deploy, name: str) -> None:
    fault = CATALOGUE[name]
    deployment = deploy(**fault.deploy)
    if fault.healthy:
        fault.healthy(deployment)
    if fault.when == "before":
        fault.mutate(deployment)
        deployment.machine.systemctl("daemon-reload")
    start(deployment, answers=fault.answers or fault.when == "running")
    if fault.when == "running":
        fault.mutate(deployment)
    if fault.waits_for is not None:
        takes_effect = fault.waits_for
        deployment.machine.wait_for(lambda: takes_effect(deployment), f"{fault.name} to show", 30)
    ran = deployment.doctor("check", "--format", "json", *fault.arguments, env=fault.doctor_env)
    document = ran.document
    named = [root["root"] for root in document["diagnosis"]]
    assert broken_checks(document) == []
    assert named[:1] == [fault.root], told(document)
    assert set(named) == {fault.root, *fault.also}, told(document)
    assert faults_in(document) <= {*named, *fault.consequences}, told(document)


def start(deployment: Deployment, *, answers: bool) -> None:
    """Start all units, and wait where they are to answer."""
    if answers:
        deployment.start()
        deployment.wait_ready()
    else:
        deployment.machine.run(["systemctl", "start", "--no-block", *UNITS], check=False)
