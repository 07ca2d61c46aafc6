"""A front beside what another strategy wired into the router: the one first, and the other way."""

from __future__ import annotations

import pytest

from tests.lab.deployment import API_KEY, Deploy, Deployment
from tests.lab.outcome import faults_in, told
from tests.lab.test_front import FIX, FRONT, place, state, status_for

NEW = "0f0e0d0c0b0a09080706050403020100"


def broken(deploy: Deploy) -> Deployment:
    """A router in Python that sends no key, under an account of its own."""
    deployment = deploy(router="broken", router_user="router")
    deployment.machine.useradd("mallory")
    deployment.start()
    deployment.wait_ready()
    assert deployment.forward().status == 401
    return deployment


def repaired(deployment: Deployment, strategy: str) -> int:
    """The exit code of a repair, which shows no key."""
    fixed = deployment.doctor("fix", "--auth", "--strategy", strategy, "--yes", "--format", "json")
    assert API_KEY not in fixed.stdout + fixed.stderr
    assert fixed.exit_code in (0, 1), fixed.stdout + fixed.stderr
    return fixed.exit_code


@pytest.mark.parametrize("strategy", ["router-tokens", "router-env"])
def test_a_front_over_an_earlier_wiring(deploy: Deploy, strategy: str) -> None:
    deployment = broken(deploy)
    first = state(deployment)
    assert repaired(deployment, strategy) == 0
    wired = state(deployment)
    fixed = deployment.doctor(*FIX)
    assert fixed.exit_code == 0, fixed.stdout + fixed.stderr
    assert any("sends" in note or "wired" in note for note in fixed.document["notes"])
    assert deployment.forward().status not in (0, 401, 502)
    assert status_for(deployment, "mallory", f"{place(deployment)}/v1/models") == 0
    assert faults_in(told_of(deployment)) == set()
    again = deployment.doctor(*FIX)
    assert (again.exit_code, again.document["changes"]) == (0, [])

    rotate(deployment)
    assert deployment.doctor("fix", "--auth", "--yes").exit_code == 0
    assert deployment.forward().status not in (0, 401, 502)
    assert faults_in(told_of(deployment)) == set()
    assert deployment.doctor("undo").exit_code == 0
    rotate(deployment, NEW, API_KEY)
    assert deployment.doctor("undo").exit_code == 0
    assert state(deployment)[0] == wired[0]
    assert deployment.doctor("undo").exit_code == 0
    assert state(deployment)[0] == first[0]


@pytest.mark.parametrize("strategy", ["router-tokens", "router-env"])
def test_a_wiring_behind_a_front_that_is_there(deploy: Deploy, strategy: str) -> None:
    """The front stays, does what it did, and no key goes anywhere else."""
    deployment = broken(deploy)
    first = state(deployment)
    assert deployment.doctor(*FIX).exit_code == 0
    fronted = state(deployment)
    repaired(deployment, strategy)
    assert deployment.machine.property(FRONT, "ActiveState") == "active"
    assert deployment.forward().status not in (0, 401, 502)
    assert status_for(deployment, "mallory", f"{place(deployment)}/v1/models") == 0
    assert faults_in(told_of(deployment)) == set()
    if state(deployment)[0] != fronted[0]:
        assert deployment.doctor("undo").exit_code == 0
        assert state(deployment)[0] == fronted[0]
    assert deployment.doctor("undo").exit_code == 0
    assert state(deployment)[0] == first[0]


def told_of(deployment: Deployment) -> dict[str, object]:
    """What `check` says."""
    document = deployment.doctor("check", "--format", "json").document
    assert document, told(document)
    return document


def rotate(deployment: Deployment, old: str = API_KEY, new: str = NEW) -> None:
    """TabbyAPI's API key is another from now on."""
    machine = deployment.machine
    text = machine.read(deployment.tokens).replace(old, new)
    machine.run(["tee", deployment.tokens], input=text)
    machine.systemctl("restart", "tabbyapi.service")
    deployment.wait_ready()
