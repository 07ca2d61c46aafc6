"""The NixOS module's deployment, inside: healthy, each NIX fault, and what fix does to it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.lab.installed import Installed
from tests.lab.machine import Machine
from tests.lab.nixos import (
    CONFIG,
    GENERATED,
    PACKAGE,
    PRE_START,
    ROUTER,
    SOURCE,
    STATE,
    UNITS,
    NixDeployment,
)
from tests.lab.outcome import broken_checks, faults_in, told
from tests.nixos.lost_edits import lost_edits
from tests.nixos.nix import PROGRAM, needs_nix, parse

STORED_ROUTER = ROUTER / "share/router.py"
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


def no_edit_is_lost(document: dict[str, Any]) -> bool:
    """Of all remedies of all findings; what they have for configuration.nix is Nix."""
    remedies = [
        remedy
        for one in document["checks"]
        for finding in one["findings"]
        for remedy in finding["remedies"]
    ]
    commands = [command for remedy in remedies for command in remedy["commands"]]
    assert list(lost_edits(commands, generated=str(GENERATED))) == []
    lines = ["\n".join(remedy.get("nix", ())) for remedy in remedies]
    if PROGRAM:
        with tempfile.TemporaryDirectory() as scratch:
            parse(" ".join(f"({{ lib, config }}: {{ {one}\n }})" for one in lines), Path(scratch))
    return bool(commands)


def test_a_healthy_one_has_no_error_and_no_warning(nixos: NixDeployment) -> None:
    nixos.switch(host="0.0.0.0", maxSeqLen=4096)
    nixos.start()
    document = check(nixos)
    assert faults_in(document) == set(), told(document)
    states = {one["id"]: one["status"] for one in document["checks"]}
    assert states["NIX001"] == "info"
    assert {states[f"NIX00{number}"] for number in range(2, 8)} == {"passed"}
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


def cloned(nixos: NixDeployment) -> None:
    nixos.machine.run(["cp", "-r", PACKAGE / "lib/main.py", PACKAGE / "lib/common", STATE])


FAULTS = {
    "NIX002": (environment_files, {"NIX002"}),
    "NIX003": (lambda nixos: nixos.switch(draftModelName="small"), {"NIX003"}),
    "NIX004": (lambda nixos: nixos.switch(cudaMallocBackend=True), {"NIX004"}),
    "NIX004 in vain": (
        lambda nixos: nixos.switch(arguments="--port 7000"),
        {"NIX004", "CFG006"},
    ),
    "NIX005": (stray, {"NIX005", "CFG007"}),
    "NIX006": (
        lambda nixos: nixos.switch(host="0.0.0.0", disableAuth=True),
        {"NIX006", "CFG008"},
    ),
    "NIX007": (cloned, {"NIX007"}),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_found_and_no_fix_changes_a_file(nixos: NixDeployment, name: str) -> None:
    mutate, expected = FAULTS[name]
    mutate(nixos)
    nixos.start()
    document = check(nixos)
    assert faults_in(document) == expected, told(document)
    roots = {root["root"] for root in document["diagnosis"]}
    assert roots == ({name.split()[0]} if "CFG008" not in expected else {"CFG008"}), told(document)
    assert no_edit_is_lost(document)

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


def test_the_checks_of_the_module_go_on_while_a_temporary_repair_is_in_force(
    nixos: NixDeployment,
) -> None:
    nixos.switch(draftModelName="small")
    nixos.start()
    nixos.doctor("fix", "--auth", "--strategy", "disable-auth", "--temporary", "--yes")
    document = check(nixos)
    states = {one["id"]: one["status"] for one in document["checks"]}
    assert [states[f"NIX00{number}"] for number in range(1, 8)] == [
        "info", "passed", "warning", *["passed"] * 4,
    ]  # fmt: skip
    titles = [one["title"] for result in document["checks"] for one in result["findings"]]
    assert any(title.startswith("A temporary repair is in force") for title in titles)


def test_an_option_counts_only_after_a_temporary_repair_is_taken_back(
    nixos: NixDeployment,
) -> None:
    nixos.switch(host="0.0.0.0")
    nixos.start()
    asked = ("--strategy", "disable-auth", "--temporary", "--allow-exposed")
    nixos.doctor("fix", "--auth", *asked, "--yes")
    (root,) = check(nixos)["diagnosis"]
    assert root["root"] == "CFG008"
    for id in ("CFG008", "NIX006"):
        for remedy in remedies_of(check(nixos), id):
            assert not remedy.get("nix") or remedy["commands"][0] == "tabbydoctor undo"


def test_an_edit_of_the_copy_is_told_and_repaired_by_no_restart(nixos: NixDeployment) -> None:
    nixos.start()
    text = nixos.machine.read(GENERATED).replace('"disable_auth":false', '"disable_auth":true')
    nixos.machine.write(GENERATED, text, owner="tabbyapi:tabbyapi")
    document = check(nixos)
    assert faults_in(document) == {"CFG012"}, told(document)
    assert no_edit_is_lost(document)
    states = {one["id"]: one["status"] for one in document["checks"]}
    assert {states[id] for id in ("API004", "SVC010", "CFG009", "TOK008")} == {"passed"}
    assert remedies_of(document, "CFG012")[0]["nix"] == ["services.tabbyapi.disableAuth = true;"]
    for asked in ("SVC010", "CFG012"):
        ran = nixos.doctor("fix", asked, "--yes")
        assert "seen to work" not in ran.stdout, ran.stdout
    assert nixos.machine.read(GENERATED) == text
    assert nixos.status("/v1/models") == 401
    nixos.machine.systemctl("restart", "tabbyapi.service")
    nixos.wait_ready()
    assert faults_in(check(nixos)) == set()


def remedies_of(document: dict[str, Any], id: str) -> list[dict[str, Any]]:
    (result,) = (one for one in document["checks"] if one["id"] == id)
    found = [remedy for finding in result["findings"] for remedy in finding["remedies"]]
    assert found
    return found


@needs_nix
@pytest.mark.parametrize("strategy", ["router-env", "router-tokens"])
def test_the_key_for_a_router_in_the_store_is_said_in_nix_and_no_file_changes(
    nixos: NixDeployment, strategy: str, tmp_path: Path
) -> None:
    nixos.with_router(source=STORED_ROUTER)
    nixos.start()
    nixos.start_router()
    before = nixos.machine.snapshot([*KEPT, ROUTER])
    ran = nixos.doctor("fix", "--auth", "--strategy", strategy, "--yes")
    assert ran.exit_code == 1, ran.stdout + ran.stderr
    line = "systemd.services.llm-router.serviceConfig.LoadCredential"
    assert (line in ran.stdout) is (strategy == "router-env")
    _parses(ran.stdout, tmp_path)
    ran = nixos.doctor("fix", "--auth", "--strategy", strategy, "--yes", "--temporary")
    assert ran.exit_code == 1, ran.stdout + ran.stderr
    assert "is in the Nix store" in _flowed(ran.stdout)
    assert nixos.machine.snapshot([*KEPT, ROUTER]) == before


def test_nor_is_one_edited_through_a_link_into_the_store(nixos: NixDeployment) -> None:
    nixos.with_router(source=STORED_ROUTER)
    linked = "/run/current-system/sw/router.py"
    nixos.machine.run(["mkdir", "-p", "/run/current-system"])
    nixos.machine.run(["ln", "-s", ROUTER / "share", "/run/current-system/sw"])
    nixos.start()
    nixos.start_router()
    before = nixos.machine.snapshot([*KEPT, ROUTER])
    for more in ((), ("--temporary",)):
        ran = nixos.doctor("fix", "--auth", "--yes", "--router", linked, *more)
        assert ran.exit_code == 1, ran.stdout + ran.stderr
        assert "store" in ran.stdout
    assert nixos.machine.snapshot([*KEPT, ROUTER]) == before


def test_a_router_that_nixos_leaves_alone_is_repaired_for_good(nixos: NixDeployment) -> None:
    nixos.with_router()
    nixos.start()
    nixos.start_router()
    before = nixos.machine.snapshot(KEPT)
    ran = nixos.doctor("fix", "--auth", "--yes")
    assert ran.exit_code == 0, ran.stdout + ran.stderr
    after = nixos.machine.snapshot(KEPT)
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    assert changed - {"/opt/llm-router"} == {"/opt/llm-router/router.py"}
    assert not {"RTR001", "RTR002"} & faults_in(check(nixos))
    assert nixos.doctor("fix", "--auth", "--yes").exit_code == 0


def test_the_key_for_such_a_router_until_the_machine_starts_anew(nixos: NixDeployment) -> None:
    nixos.with_router()
    nixos.start()
    nixos.start_router()
    before = nixos.machine.snapshot([*KEPT, "/etc/systemd"])
    arguments = ("fix", "--auth", "--strategy", "router-env", "--yes")
    assert nixos.doctor(*arguments).exit_code == 1
    assert nixos.machine.snapshot([*KEPT, "/etc/systemd"]) == before

    ran = nixos.doctor(*arguments, "--temporary")
    assert ran.exit_code == 1, ran.stdout + ran.stderr
    assert "gone when the machine starts anew" in _flowed(ran.stdout)
    assert "systemd.services.llm-router.serviceConfig.LoadCredential = [" in _flowed(ran.stdout)
    assert not {"RTR001", "RTR002"} & faults_in(check(nixos))
    titles = [one["title"] for result in check(nixos)["checks"] for one in result["findings"]]
    told_of = "A temporary repair is in force: llm-router.service has /run/systemd/system/"
    assert any(title.startswith(told_of) for title in titles), titles
    units = {path: one for path, one in before.items() if path.startswith("/etc/systemd")}
    assert nixos.machine.snapshot(["/etc/systemd"]) == units

    assert nixos.doctor("undo").exit_code == 0
    assert nixos.machine.snapshot([*KEPT, "/etc/systemd"]) == before


def test_the_keys_of_the_package_are_found_behind_its_wrapper(nixos: NixDeployment) -> None:
    text = "model: {no_such_thing_here: 1}\n"
    nixos.machine.write(STATE / "config.yml", text, owner="tabbyapi:tabbyapi")
    nixos.start()
    assert "CFG003" in faults_in(check(nixos))


def router_in_the_store(nixos: NixDeployment, *settings: str, **more: Any) -> None:
    nixos.with_router(*settings, source=STORED_ROUTER, **more)
    nixos.machine.systemctl("start", "llm-router.service", check=False)


def unusable(nixos: NixDeployment) -> None:
    """What the last start wrote is broken; so is the router, which exposes a key."""
    router_in_the_store(
        nixos, "Environment=TABBY_API_KEY=5d41402abc4b2a76b9719d911017c592",
        replaced=("import json", "import json json"),
    )  # fmt: skip
    nixos.machine.write(GENERATED, "network: [", owner="tabbyapi:tabbyapi")


def unreadable(nixos: NixDeployment) -> None:
    """Only root may read what the last start wrote; the router lacks a file."""
    nixos.machine.run(["chown", "root:root", GENERATED])
    nixos.machine.run(["chmod", "600", GENERATED])
    reads = 'json, yaml\nKEY = yaml.safe_load(open("/srv/gone/api_tokens.yml"))["api_key"]\nimport'
    router_in_the_store(
        nixos, "EnvironmentFile=/etc/gone.env", replaced=("import json", f"import {reads} os")
    )


def gone(nixos: NixDeployment) -> None:
    """What the last start wrote is gone; the router looks for TabbyAPI elsewhere."""
    router_in_the_store(nixos, replaced=("TABBY_PORT = 5000", "TABBY_PORT = 5099"))
    nixos.machine.remove(GENERATED)


def sandboxed(nixos: NixDeployment) -> None:
    """Its unit was narrowed, and is not started at boot."""
    nixos.machine.systemctl("disable", "--quiet", "tabbyapi.service")
    nixos.machine.run(["ln", "-sf", UNITS / "tabbyapi.service", "/etc/systemd/system/"])
    narrow(nixos, "ProcSubset=pid", "ReadOnlyPaths=/var/lib/tabbyapi")


def narrow(nixos: NixDeployment, *settings: str) -> None:
    path = "/run/systemd/system/tabbyapi.service.d/lab.conf"
    nixos.machine.write(path, "\n".join(("[Service]", *settings, "")))
    nixos.machine.systemctl("daemon-reload")
    nixos.machine.systemctl("restart", "tabbyapi.service", check=False)


def refused(nixos: NixDeployment) -> None:
    """It takes an argument for none that it knows, and cannot make its tokens."""
    nixos.switch(arguments="--no-such-thing 1")
    nixos.machine.remove(STATE / "api_tokens.yml")
    narrow(nixos, "ReadOnlyPaths=-/var/lib/tabbyapi")
    nixos.machine.wait_for(
        lambda: nixos.machine.property("tabbyapi.service", "SubState") == "auto-restart",
        "TabbyAPI to end", 30,
    )  # fmt: skip


TOGETHER = {
    "sandboxed": (sandboxed, {"SVC006", "SVC012"}),
    "refused": (refused, {"CFG005", "SVC002", "TOK007"}),
    "unusable": (unusable, {"CFG012", "SVC008", "RTR010"}),
    "unreadable": (unreadable, {"CFG002", "SVC009", "RTR010"}),
    "gone": (gone, {"CFG001", "RTR013"}),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_no_remedy_edits_what_would_be_lost(nixos: NixDeployment, name: str) -> None:
    mutate, expected = TOGETHER[name]
    nixos.start()
    mutate(nixos)
    document = check(nixos)
    assert expected <= faults_in(document), told(document)
    assert no_edit_is_lost(document)


def _flowed(text: str) -> str:
    """Without the ends of lines."""
    return " ".join(text.split())


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
