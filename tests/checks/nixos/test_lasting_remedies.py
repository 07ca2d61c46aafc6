"""On NixOS the remedies of other checks are lines for configuration.nix, not edits."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checks.config import edit
from checks.config.auth_off_exposed import auth_off_exposed
from checks.config.auth_section import auth_section
from checks.config.missing import missing
from checks.config.overridden import overridden
from checks.config.unreadable import unreadable
from checks.nixos.draft import draft
from checks.nixos.managed import managed
from checks.nixos.open_firewall import open_firewall
from checks.nixos.shadowed import shadowed
from checks.nixos.stray_config import stray_config
from checks.router.key_differs import key_differs
from checks.router.unready import unready
from checks.router.wrong_address import wrong_address
from checks.service.unit_environment_file import unit_environment_file
from checks.service.unit_exposes_secret import unit_exposes_secret
from tabbydoctor.api import Finding
from tabbydoctor.deployment.parts import Discovery, Instance, RouterSite
from tabbydoctor.deployment.parts import Machine as Host
from tabbydoctor.deployment.unit import EnvironmentFile, Unit, UnitFile
from tabbydoctor.host.data import Account, HttpAnswer
from tabbydoctor.remedies.dropin import path_of
from tabbydoctor.routers import Call, RouterReading
from tabbydoctor.routers.site.health import RouterTargets
from tabbydoctor.routers.site.keys import RouterKeys
from tabbydoctor.tabbyapi.config import ConfigFile, EffectiveConfig, Origin, Setting
from tests.checks.router.scene import endpoint, tokens
from tests.nixos.lost_edits import lost_edits
from tests.nixos.nix import evaluate, needs_nix

from .test_nixos_checks import DATA, STORE, Machine

NIXOS = Host(systemd=True, nixos=True)
GENERATED = f"{DATA}/config/config.yml"
ROUTER = f"{STORE}-router/router.py"
UNDO = "sudo tabbydoctor undo"
OF_UNIT = "/etc/systemd/system/llm-router.service"


def lasting(findings: Iterable[Finding], scratch: Path) -> list[Any]:
    """What their lines for configuration.nix say; nothing that is lost may be among them."""
    remedies = [remedy for found in findings for remedy in found.remedies]
    assert remedies
    commands = [command for remedy in remedies for command in remedy.commands]
    assert list(lost_edits(commands, generated=GENERATED)) == []
    said = ["\n".join(remedy.nix) for remedy in remedies if remedy.nix]
    return [evaluate("let lib.mkForce = x: x; in { " + one + " }", scratch) for one in said]


def variables(said: Any, unit: str = "llm-router") -> Any:
    return said["systemd"]["services"][unit]["environment"]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path / "root")
    made.options()
    return made


@needs_nix
def test_the_line_of_the_option_that_wins(machine: Machine, tmp_path: Path) -> None:
    machine.write(f"{DATA}/config.yml", "network: {port: 7000}\n")
    (said,) = lasting(machine.judge(overridden), tmp_path)
    assert said == {"services": {"tabbyapi": {"port": 7000}}}


@needs_nix
def test_the_line_of_the_variable_that_wins(machine: Machine, tmp_path: Path) -> None:
    machine.write(f"{DATA}/config.yml", "memory: {cuda_malloc_async: true}\n")
    machine.environment = {"TABBY_MEMORY_CUDA_MALLOC_ASYNC": "false"}
    (said,) = lasting(machine.judge(overridden), tmp_path)
    assert variables(said, "tabbyapi") == {"TABBY_MEMORY_CUDA_MALLOC_ASYNC": "true"}


@needs_nix
def test_the_option_in_place_of_an_argument(machine: Machine, tmp_path: Path) -> None:
    machine.arguments = (*machine.arguments, "--max-seq-len", "4096", "--port", "7000")
    said = lasting(machine.judge(overridden), tmp_path)
    options = {name: one for each in said for name, one in each["services"]["tabbyapi"].items()}
    assert options == {"maxSeqLen": 4096, "port": 7000}


def broken(**more: Any) -> EffectiveConfig:
    file = ConfigFile(GENERATED, "config-file", **more)
    return EffectiveConfig(DATA, {}, (file,), config_argument=GENERATED)


USER = Account("tabbyapi", 990, 990)


@pytest.mark.parametrize(
    ("check", "config"),
    [
        (missing, broken(problem="missing")),
        (unreadable, broken(problem="syntax", line=1)),
        (unreadable, broken(problem="unreadable", denied_at=GENERATED)),
        (unreadable, broken(problem="unreadable", denied_at=DATA)),
        (unreadable, broken(problem="not-a-file")),
    ],
)
def test_what_each_start_writes_is_written_by_a_start(
    machine: Machine, check: Any, config: EffectiveConfig, tmp_path: Path
) -> None:
    (found,) = check.judge(config, replace(machine.instance, user=USER), NIXOS)
    assert lasting([found], tmp_path) == []
    assert "sudo systemctl restart tabbyapi.service" in found.remedies[0].commands


@pytest.mark.parametrize("check", [missing, unreadable])
def test_a_file_in_the_store(check: Any, tmp_path: Path) -> None:
    problem: Any = "missing" if check is missing else "syntax"
    file = ConfigFile(f"{STORE}-tabby.yml", "config-file", problem)
    config = EffectiveConfig("/srv/t", {}, (file,), config_argument=file.path)
    instance = Instance("/srv/t", unit=Unit("tabbyapi.service", {"LoadState": "loaded"}))
    (found,) = check.judge(config, instance, NIXOS)
    assert lasting([found], tmp_path) == []
    assert "in configuration.nix" in found.remedies[0].title
    (found,) = check.judge(config, instance, Host(systemd=True))
    assert "nixos-rebuild" not in str(found.remedies)
    assert list(lost_edits(found.remedies[0].commands, generated=GENERATED)) == []


def router(*lines: str, **more: Any) -> RouterSite:
    text = "\n".join(["[Service]", *lines])
    given = " ".join(line.partition("=")[2] for line in lines if line.startswith("Environment="))
    shown = {"LoadState": "loaded", "ActiveState": "active", "Environment": given}
    unit = Unit("llm-router.service", shown, (UnitFile(OF_UNIT, text),), **more)
    return RouterSite(ROUTER, "python", unit)


@needs_nix
def test_a_secret_in_the_environment(tmp_path: Path) -> None:
    site = router("Environment=HF_TOKEN=hf_secret123")
    found = list(unit_exposes_secret.judge(Instance(DATA), site, None, NIXOS))
    (said,) = lasting(found, tmp_path)
    assert said["systemd"]["services"]["llm-router"] == {
        "serviceConfig": {"EnvironmentFile": ["/etc/llm-router.env"]},
        "environment": {"HF_TOKEN": None},
    }
    assert "hf_secret123" not in str(found)


@needs_nix
@pytest.mark.parametrize(
    ("path", "left"),
    [("/etc/gone.env", ["-/etc/gone.env", "/b"]), (f"{STORE}-gone.env", ["/b"])],
)
def test_an_environment_file_that_is_gone(path: str, left: list[str], tmp_path: Path) -> None:
    files = (EnvironmentFile(path, False), EnvironmentFile("/b", False, "A=1"))
    site = router(environment_files=files)
    (said,) = lasting(unit_environment_file.judge(Instance(DATA), site, NIXOS), tmp_path)
    assert said["systemd"]["services"]["llm-router"]["serviceConfig"] == {"EnvironmentFile": left}


def reading(**more: Any) -> RouterReading:
    return RouterReading(ROUTER, "python", **more)


def test_a_mistake_in_a_source_in_the_store(tmp_path: Path) -> None:
    site = router()
    assert site.unit
    down = replace(site.unit, properties={**site.unit.properties, "ActiveState": "failed"})
    found = reading(problem="not valid Python: x", line=7)
    findings = list(unready.judge(replace(site, unit=down), None, found, NIXOS))
    assert lasting(findings, tmp_path) == []
    assert "in configuration.nix" in findings[0].remedies[0].title


def test_a_key_file_that_a_source_in_the_store_names(tmp_path: Path) -> None:
    keys = RouterKeys((), {"/srv/gone/api_tokens.yml": f"{ROUTER}:3"})
    findings = list(key_differs.judge(keys, router(), tokens(), None, None, NIXOS))
    assert lasting(findings, tmp_path) == []
    assert "in configuration.nix" in findings[0].remedies[0].title


WRONG = "http://127.0.0.1:5001"
REFUSED = RouterTargets({WRONG: HttpAnswer(WRONG, error="refused")})


def asks(where: str, url: str = WRONG) -> RouterReading:
    call = Call(3, "probe", "GET", "/v1/models", True)
    return reading(calls=(call,), addresses=(url,), written_at={url: where})


@needs_nix
def test_a_wrong_address_in_the_routers_unit(tmp_path: Path) -> None:
    site = router(f"Environment=TABBY_URL={WRONG}/v1")
    findings = wrong_address.judge(
        asks(f"{OF_UNIT}:2"), site, endpoint(True), REFUSED, None, None, NIXOS
    )
    (said,) = lasting(findings, tmp_path)
    assert variables(said) == {"TABBY_URL": "http://127.0.0.1:5000/v1"}


def test_a_wrong_address_in_a_source_in_the_store(tmp_path: Path) -> None:
    findings = list(
        wrong_address.judge(
            asks(f"{ROUTER}:3"), router(), endpoint(True), REFUSED, None, None, NIXOS
        )
    )
    assert lasting(findings, tmp_path) == []
    assert "in configuration.nix" in findings[0].remedies[0].title


@needs_nix
def test_a_proxy(tmp_path: Path) -> None:
    site = router("Environment=http_proxy=http://proxy:3128")
    given = asks(f"{ROUTER}:3", "http://127.0.0.1:5000")
    findings = wrong_address.judge(given, site, endpoint(True), REFUSED, None, None, NIXOS)
    (said,) = lasting(findings, tmp_path)
    assert variables(said) == {"NO_PROXY": "localhost,127.0.0.1"}


@needs_nix
def test_the_address_that_tabbyapi_is_to_listen_on(machine: Machine, tmp_path: Path) -> None:
    url = "http://[::1]:5000"
    targets = RouterTargets({url: HttpAnswer(url, error="refused")})
    origin = Origin("config-file", f"{GENERATED}:1", GENERATED, 1)
    host = Setting("network", "host", "127.0.0.1", origin)
    config = EffectiveConfig(DATA, {("network", "host"): host})
    findings = wrong_address.judge(
        asks(f"{ROUTER}:3", url), router(), endpoint(True), targets,
        Discovery(machine.instance), config, NIXOS,
    )  # fmt: skip
    (said,) = lasting(findings, tmp_path)
    assert said == {"services": {"tabbyapi": {"host": "::1"}}}


def test_elsewhere_the_files_are_edited() -> None:
    linux = Host(systemd=True)
    config = EffectiveConfig("/srv/t", {}, (ConfigFile("/srv/t.yml", "config-file", "syntax"),))
    (found,) = unreadable.judge(config, Instance("/srv/t"), linux)
    assert found.remedies[0].commands == ("sudoedit /srv/t.yml",)
    site = router("Environment=HF_TOKEN=hf_secret123")
    (found,) = unit_exposes_secret.judge(Instance(DATA), site, None, linux)
    assert found.remedies[0].commands == ("sudo tabbydoctor fix SVC008",)
    assert "sudo systemctl edit --full llm-router.service" in found.remedies[1].commands


@needs_nix
def test_what_the_generated_file_beats_is_said_in_it(machine: Machine, tmp_path: Path) -> None:
    place = Origin("working-directory", f"{DATA}/config.yml:1", f"{DATA}/config.yml", 1)
    said = edit("Switch it", place, machine.instance, {("network", "disable_auth"): True})
    assert lasting([Finding("x", remedies=(said,))], tmp_path) == [
        {"services": {"tabbyapi": {"disableAuth": True}}}
    ]
    out = edit("Take it out", place, machine.instance, {("model", "backend"): None})
    assert out.commands[0] == f"sudoedit {DATA}/config.yml"


@needs_nix
def test_a_stray_file_as_options(machine: Machine, tmp_path: Path) -> None:
    machine.write(f"{DATA}/config.yml", "model: {max_seq_len: 4096, use_as_default: [vision]}\n")
    (said,) = lasting(machine.judge(stray_config), tmp_path)
    assert said == {"services": {"tabbyapi": {"maxSeqLen": 4096, "useAsDefault": ["vision"]}}}


def test_a_clone_in_the_working_directory(machine: Machine, tmp_path: Path) -> None:
    assert machine.judge(shadowed) == []
    machine.write(f"{DATA}/common/auth.py", "")
    (found,) = machine.judge(shadowed)
    assert found.title.startswith(f"{DATA}/common ")
    assert lasting([found], tmp_path) == []


def test_a_temporary_repair_hides_nothing(machine: Machine) -> None:
    machine.options(draftModelName="small")
    machine.arguments = ("--config", f"{DATA}/config/tabbydoctor.yml")
    machine.write(f"{DATA}/config/tabbydoctor.yml", "network: {disable_auth: true}\n")
    assert [found.title for found in machine.judge(draft)] == ["TabbyAPI ignores draftModelName"]
    _, second = machine.judge(managed)
    assert second.remedies[0].commands == ("sudo tabbydoctor undo",)


def test_a_value_that_no_option_takes_is_not_said_in_vain(machine: Machine) -> None:
    machine.write(f"{DATA}/config.yml", "model: {cache_mode: '8,8'}\n")
    (found,) = machine.judge(overridden)
    assert [remedy.nix for remedy in found.remedies] == [()]


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_authentication_is_never_switched_off_on_the_way(
    machine: Machine, tmp_path: Path, host: str
) -> None:
    machine.options(host=host)
    machine.write(f"{DATA}/config.yml", "network: {disable_auth: true}\n")
    (found,) = machine.judge(overridden)
    assert lasting([found], tmp_path) == []
    assert found.remedies[0].commands[0] == f"sudoedit {DATA}/config.yml"
    machine.arguments = (*machine.arguments, "--disable-auth", "true")
    said = lasting(machine.judge(overridden), tmp_path)
    assert "disableAuth" not in str(said)


def test_nor_by_what_a_stray_file_says(machine: Machine, tmp_path: Path) -> None:
    machine.write(f"{DATA}/config/config.yml", "{}")
    machine.write(f"{DATA}/config.yml", "network: {disable_auth: true, host: 0.0.0.0, port: 7000}")
    (found,) = machine.judge(stray_config)
    assert found.remedies[0].nix == ("services.tabbyapi.port = 7000;",)


def test_what_never_switched_it_off_does_not_do_so_for_other_machines(machine: Machine) -> None:
    machine.write(f"{DATA}/config.yml", "auth: {disable: true}\n")
    machine.options(host="0.0.0.0")
    assert "disableAuth" not in str(machine.judge(auth_section))
    machine.options(host="127.0.0.1")
    assert "disableAuth" in str(machine.judge(auth_section))


def test_a_temporary_copy_is_not_edited(machine: Machine) -> None:
    copy = f"{DATA}/config/tabbydoctor.yml"
    machine.arguments = ("--config", copy)
    place = Origin("config-file", f"{copy}:1", copy, 1)
    said = edit("Set it", place, machine.instance, {("network", "port"): 7000}, NIXOS)
    assert said.nix == ("services.tabbyapi.port = 7000;",)


def test_no_option_counts_before_a_temporary_repair_is_taken_back(machine: Machine) -> None:
    copy = f"{DATA}/config/tabbydoctor.yml"
    machine.options(host="0.0.0.0")
    text = '{"network":{"host":"0.0.0.0","disable_auth":true}}'
    for arguments, first in (((), "sudo nixos-rebuild switch"), ((copy,), UNDO)):
        machine.write(f"{DATA}/config/config.yml", text)
        machine.write(copy, text)
        machine.arguments = ("--config", *(arguments or (GENERATED,)))
        (found,) = machine.judge(auth_off_exposed)
        switch, _, bind = found.remedies
        assert [one.commands[0] for one in (switch, bind)] == [first, first]
        (found,) = machine.judge(open_firewall)
        assert (found.remedies[0].commands[0] == UNDO) is bool(arguments)
    # What stands in the unit's own environment counts all the same.
    place = Origin("environment", "TABBY_MEMORY_CUDA_MALLOC_ASYNC (unit tabbyapi.service)")
    wanted = {("memory", "cuda_malloc_async"): True}
    said = edit("Set it", place, machine.instance, wanted, NIXOS)
    assert said.nix
    assert UNDO not in said.commands


def test_a_temporary_drop_in_of_the_router_is_told(machine: Machine) -> None:
    unit = Unit("llm-router.service", {}, (UnitFile(OF_UNIT, ""),))
    ours = path_of(replace(unit, files=(UnitFile(f"{STORE}-unit/r.service", ""),)), "key")
    files = (*unit.files, UnitFile(ours, ""), UnitFile(f"{posixpath.dirname(ours)}/b.conf", ""))
    for given, count in ((unit, 1), (replace(unit, files=files), 2)):
        found = machine.judge(managed, RouterSite(ROUTER, "python", given))
        assert len(found) == count
    assert found[1].title == f"A temporary repair is in force: {unit.name} has {ours}"
    assert found[1].remedies[0].commands == (UNDO,)
