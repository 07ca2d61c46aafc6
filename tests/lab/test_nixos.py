"""The NixOS module's deployment, inside: healthy, each NIX fault, and what fix does to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.lab.installed import Installed
from tests.lab.machine import Machine
from tests.lab.nixos import (
    CONFIG,
    GENERATED,
    PRE_START,
    ROUTER,
    SOURCE,
    STATE,
    STORE,
    UNITS,
    NixDeployment,
)
from tests.lab.test_check import broken_checks, faults_in, told
from tests.nixos.nix import needs_nix, parse

KEPT: list[str | Path] = [
    "/etc",
    "/opt/llm-router",
    "/run/systemd/system",
    *(STATE / name for name in ("config", "config.yml", "api_tokens.yml")),
    *(CONFIG, PRE_START, UNITS),
]


@pytest.fixture
def nixos(fresh_machine: Machine, installed: Installed) -> NixDeployment:
    return NixDeployment.deploy(fresh_machine, installed)


def check(nixos: NixDeployment) -> dict[str, Any]:
    document = nixos.doctor("check", "--format", "json").document
    assert broken_checks(document) == []
    return document


def test_a_healthy_one_has_no_error_and_no_warning(nixos: NixDeployment) -> None:
    nixos.switch(host="0.0.0.0", maxSeqLen=4096)
    nixos.start()
    document = check(nixos)
    assert faults_in(document) == set(), told(document)
    states = {one["id"]: one["status"] for one in document["checks"]}
    assert states["NIX001"] == "info"
    assert {states[f"NIX00{number}"] for number in range(2, 7)} == {"passed"}
    found = document["deployment"]
    assert (found["dir"], found["unit"], found["user"]) == (
        str(STATE), "tabbyapi.service", "tabbyapi",
    )  # fmt: skip
    assert str(GENERATED) in found["config_files"]
    assert found["tokens_file"] == str(STATE / "api_tokens.yml")


def environment_files(nixos: NixDeployment) -> None:
    text = nixos.machine.read(SOURCE).replace("true;", 'true; environmentFiles = [ "/run/s" ];')
    nixos.machine.write(SOURCE, text)


def stray(nixos: NixDeployment) -> None:
    text = "draft_model: {draft_num_tokens: 4}\n"
    nixos.machine.write(STATE / "config.yml", text, owner="tabbyapi:tabbyapi")


FAULTS = {
    "NIX002": (environment_files, {"NIX002"}),
    "NIX003": (lambda nixos: nixos.switch(draftModelName="small"), {"NIX003"}),
    "NIX004": (lambda nixos: nixos.switch(cudaMallocBackend=True), {"NIX004"}),
    "NIX005": (stray, {"NIX005", "CFG007"}),
    "NIX006": (
        lambda nixos: nixos.switch(host="0.0.0.0", disableAuth=True),
        {"NIX006", "CFG008"},
    ),
}


@pytest.mark.parametrize("id", FAULTS)
def test_each_fault_is_found_and_no_fix_changes_a_file(nixos: NixDeployment, id: str) -> None:
    mutate, expected = FAULTS[id]
    mutate(nixos)
    nixos.start()
    document = check(nixos)
    assert faults_in(document) == expected, told(document)
    roots = {root["root"] for root in document["diagnosis"]}
    assert len(roots) == 1, told(document)
    commands = [
        command
        for one in document["checks"]
        for finding in one["findings"]
        for remedy in finding["remedies"]
        for command in remedy["commands"]
    ]
    assert not any(f"sudoedit {place}" in " ".join(commands) for place in (GENERATED, STORE))

    before = nixos.machine.snapshot(KEPT)
    for arguments in (expected, {"--all-safe"}):
        assert nixos.doctor("fix", "--yes", *arguments).exit_code in (0, 1)
    assert nixos.machine.snapshot(KEPT) == before


@needs_nix
def test_auth_off_is_said_in_nix_and_no_file_changes(nixos: NixDeployment, tmp_path: Path) -> None:
    nixos.start()
    before = nixos.machine.snapshot(KEPT)
    ran = nixos.doctor("fix", "--auth", "--strategy", "disable-auth", "--yes")
    assert ran.exit_code == 1
    assert "services.tabbyapi.disableAuth = true;" in ran.stdout
    _parses(ran.stdout, tmp_path)
    assert nixos.machine.snapshot(KEPT) == before
    assert nixos.status("/v1/models") == 401


def test_auth_off_until_the_next_start_only_when_asked_for(nixos: NixDeployment) -> None:
    nixos.start()
    before = nixos.machine.snapshot(KEPT)
    ran = nixos.doctor("fix", "--auth", "--strategy", "disable-auth", "--temporary", "--yes")
    assert ran.exit_code == 1, ran.stdout + ran.stderr
    assert nixos.status("/v1/models") == 200, ran.stdout + ran.stderr
    assert "services.tabbyapi.disableAuth = true;" in ran.stdout
    # A start of the service alone keeps it; what the module wrote is as it was.
    nixos.machine.systemctl("restart", "tabbyapi.service")
    nixos.wait_ready()
    assert nixos.status("/v1/models") == 200

    assert nixos.doctor("undo").exit_code == 0
    nixos.wait_ready()
    assert nixos.status("/v1/models") == 401
    assert nixos.machine.snapshot(KEPT) == before


@needs_nix
@pytest.mark.parametrize("strategy", ["router-env", "router-tokens"])
def test_the_routers_key_is_said_in_nix_and_no_file_changes(
    nixos: NixDeployment, strategy: str, tmp_path: Path
) -> None:
    nixos.with_router()
    nixos.start()
    nixos.machine.systemctl("start", "llm-router.service")
    nixos.machine.wait_for(lambda: nixos.status("/", 8002) != 0, "the router to answer", 30)
    before = nixos.machine.snapshot(KEPT)
    ran = nixos.doctor("fix", "--auth", "--strategy", strategy, "--yes")
    assert ran.exit_code == 1, ran.stdout + ran.stderr
    line = "systemd.services.llm-router.serviceConfig.LoadCredential"
    assert (line in ran.stdout) is (strategy == "router-env")
    _parses(ran.stdout, tmp_path)
    assert nixos.machine.snapshot(KEPT) == before


def _parses(output: str, scratch: Path) -> None:
    """The block to paste, which ends with the command that applies it, is Nix."""
    lines = output.splitlines()
    end = next(n for n, line in enumerate(lines) if line.startswith("# then: "))
    start = max(n for n in range(end) if not lines[n]) + 1
    parse("{\n" + "\n".join(lines[start : end + 1]) + "\n}", scratch)


def test_the_layout_is_the_stores(nixos: NixDeployment) -> None:
    """What the other tests stand on."""
    assert nixos.machine.run(
        ["readlink", "/etc/systemd/system/tabbyapi.service"]
    ).stdout.strip() == (f"{UNITS}/tabbyapi.service")
    assert not nixos.machine.exists(ROUTER)
    nixos.start()
    assert nixos.machine.read(GENERATED).startswith('{"developer":{')
