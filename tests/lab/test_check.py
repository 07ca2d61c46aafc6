"""The installed `tabbydoctor check`, inside: what is found, said and left unsaid.

The faults themselves are examined by `test_accuracy.py`.
"""

from __future__ import annotations

import re

from tests.lab.deployment import ADMIN_KEY, API_KEY, BACKENDS, CONFIG, Deploy, Deployment
from tests.lab.gpu import give_gpu, give_model
from tests.lab.outcome import broken_checks, faults_in, told


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


def test_check_sends_nothing_but_gets(deploy: Deploy) -> None:
    """To the router, and what it has the router send to its backends."""
    asked = deploy(router="broken")
    asked.start()
    asked.wait_ready()
    before = {name: len(asked.requests(name)) for name in BACKENDS}
    asked.doctor("check")
    allowed = {("GET", "/health"), ("GET", "/v1/models")}
    for name, count in before.items():
        got = {(one["method"], one["path"]) for one in asked.requests(name)[count:]}
        assert got
        assert got <= allowed
    lines = [str(entry["MESSAGE"]) for entry in asked.machine.journal("tabbyapi")]
    methods = {found[1] for line in lines if (found := re.search(r'"([A-Z]{3,7})(?= |$)', line))}
    assert methods == {"GET"}
