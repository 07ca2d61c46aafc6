"""What the doctor may see, and what it never shows: secrets, and machines that tell little."""

from __future__ import annotations

import json

import pytest

from tests.lab.deployment import ADMIN_KEY, API_KEY, Deploy, Deployment
from tests.lab.outcome import broken_checks, faults_in

PLANTED = "Zx9-planted-in-the-unit-44"
COMMANDS = [
    ["check", "--verbose"],
    ["check", "--format", "json"],
    ["config", "--verbose"],
    ["config", "--format", "json"],
    ["probe"],
    ["probe", "--format", "json"],
]


@pytest.mark.parametrize("user", [None, "ivan", "nobody"])
def test_no_secret_of_units_journal_or_environment_is_shown(
    deploy: Deploy, user: str | None
) -> None:
    deployment = deploy(router="broken")
    machine = deployment.machine
    machine.write("/etc/tabby.env", f"TABBY_ADMIN_KEY={PLANTED}\nTABBY_NETWORK_PORTT={PLANTED}\n")
    unit = f"[Service]\nEnvironment=TABBY_API_KEY={API_KEY} OTHER_TOKEN={PLANTED}\n"
    machine.dropin("tabbyapi.service", f"{unit}EnvironmentFile=/etc/tabby.env\n")
    machine.dropin("llm-router.service", unit)
    deployment.start()
    deployment.wait_ready()
    assert API_KEY in "".join(str(entry["MESSAGE"]) for entry in machine.journal("tabbyapi"))
    for command in COMMANDS:
        ran = deployment.doctor(*command, user=user)
        for secret in (API_KEY, ADMIN_KEY, PLANTED):
            assert secret not in ran.stdout + ran.stderr, (command, user)


def test_without_d_bus_nothing_crashes_and_nothing_is_made_up(deployment: Deployment) -> None:
    machine = deployment.machine
    machine.run(["systemctl", "stop", "dbus.socket", "dbus.service"], check=False)
    machine.useradd("visitor")
    ran = deployment.doctor("check", "--format", "json")
    assert broken_checks(ran.document) == []
    assert faults_in(ran.document) == set()
    # Nobody but root reaches systemd now, nor sees where another's process works.
    blind = deployment.doctor("check", "--format", "json", user="visitor")
    assert blind.exit_code == 2
    assert "as root" in blind.document["error"]["message"]


def test_without_systemd_the_process_table_tells(deployment: Deployment) -> None:
    machine = deployment.machine
    hidden = machine.run(
        ["unshare", "--mount", "sh", "-c",
         "mount -t tmpfs none /run && mount --bind /bin/false /usr/bin/systemctl && "
         f"exec {deployment.installed.doctor} check --format json"],
        check=False,
    )  # fmt: skip
    document = json.loads(hidden.stdout)
    assert broken_checks(document) == []
    assert document["deployment"]["dir"] == str(deployment.directory)
    assert document["deployment"]["url"] == "http://127.0.0.1:5000"
    service = [check for check in document["checks"] if check["category"] == "service"]
    assert {check["status"] for check in service if check["id"] != "SVC011"} <= {
        "skipped", "unknown", "passed",
    }  # fmt: skip


def test_the_demo_needs_nothing(deployment: Deployment) -> None:
    deployment.machine.useradd("visitor")
    ran = deployment.doctor("demo", user="visitor")
    assert ran.exit_code == 0, ran.stdout + ran.stderr
    assert "RTR001" in ran.stdout
