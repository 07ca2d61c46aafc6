"""The remedies of the configuration checks: what is edited, opened, and restarted."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from checks.config.auth_off_exposed import auth_off_exposed
from checks.config.auth_section import auth_section
from checks.config.invalid_value import invalid_value
from checks.config.model_missing import model_missing
from checks.config.overridden import overridden
from checks.config.unreadable import unreadable
from tabbydoctor.api import Check, Finding
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.host import Account
from tabbydoctor.routers import Call, RouterReading

from .conftest import Deployment

FAILED = Unit("tabbyapi.service", {"ActiveState": "failed"})
ANEW = (
    "sudo systemctl reset-failed tabbyapi.service",
    "sudo systemctl restart tabbyapi.service",
)


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (unreadable, "network:\n\tport: 1\n"),
        (unreadable, ""),
        (unreadable, "network: [a]\n"),
        (auth_section, "auth: {disable: true}"),
        (auth_off_exposed, "network: {disable_auth: true, host: 0.0.0.0}"),
        (model_missing, "model: {model_name: goood}"),
        (model_missing, "model: {model_name: good, backend: exllamav2}"),
        (invalid_value, "network: {port: abc}"),
    ],
)
def test_what_is_edited_is_followed_by_a_restart(
    deployment: Deployment, check: Check, text: str
) -> None:
    (found,) = deployment.judge(check, text, unit=FAILED)
    edit = f"sudoedit {deployment.directory}/config.yml"
    assert (edit, *ANEW) in [remedy.commands for remedy in found.remedies]


def test_a_restart_after_a_change_of_the_unit(deployment: Deployment, healthy: str) -> None:
    (usage,) = deployment.judge(invalid_value, healthy, arguments=("--api-kee",), unit=FAILED)
    assert usage.remedies[0].commands[-2:] == ANEW
    variable = {"TABBY_NETWORK_PORT": "5002"}
    (beaten,) = deployment.judge(overridden, healthy, environment=variable, unit=FAILED)
    assert beaten.remedies[0].title == (
        "Change it where it wins, or take it out there: TABBY_NETWORK_PORT (tabbyapi.service)"
    )
    assert beaten.remedies[0].commands == ("sudo systemctl edit tabbyapi.service", *ANEW)


def denied_config(deployment: Deployment, mode: int, directory: int) -> Finding:
    if os.geteuid() != 0:
        pytest.skip("needs root to take a file away from others")
    file = deployment.write("conf/c.yml", "network: {port: 5001}")
    for above in (deployment.directory, *deployment.directory.parents):
        if above.stat().st_mode & 0o777 == 0o700:
            above.chmod(0o711)
    file.chmod(mode)
    file.parent.chmod(directory)
    user = Account("tabby", 61001, 61001, "/", groups=(61001,))
    (found,) = deployment.judge(
        unreadable, arguments=("--config", str(file)), user=user, unit=FAILED
    )
    return found


def test_a_file_of_others_is_given_to_the_service(deployment: Deployment) -> None:
    found = denied_config(deployment, 0o600, 0o755)
    file = f"{deployment.directory}/conf/c.yml"
    assert found.remedies[0].commands == (
        f"sudo chown tabby {file}",
        f"sudo chmod u+r {file}",
        *ANEW,
    )


def test_a_directory_of_others_is_opened_to_the_service(deployment: Deployment) -> None:
    found = denied_config(deployment, 0o644, 0o700)
    opens = f"sudo setfacl -m u:tabby:x {deployment.directory}/conf"
    assert found.remedies[0].commands == (opens, *ANEW)


def test_a_router_that_sends_the_key_needs_none(deployment: Deployment) -> None:
    text = "network: {disable_auth: true, host: 0.0.0.0}"
    forward = Call(12, "forward", "POST", "/v1/chat/completions", True)
    probe = Call(9, "probe", "GET", "/health", False)
    reading = RouterReading("/srv/router.py", "python", calls=(probe, forward))
    keyless = replace(reading, calls=(probe, replace(forward, sends_key=False)))
    for router, offered in ((reading, False), (keyless, True), (None, True)):
        (found,) = deployment.judge(auth_off_exposed, text, router=router)
        assert ("fix --auth" in repr(found.remedies)) is offered
