"""What NixOS writes, and what it leaves alone: Nix itself runs on any distribution."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from checks.config import edit
from checks.config.auth_section import auth_section
from checks.config.invalid_value import invalid_value
from checks.config.unknown_key import unknown_key
from checks.drop_in import by_drop_in
from checks.router.env_unset import env_unset
from checks.service.unit_sandbox import unit_sandbox
from checks.service.unit_working_directory import unit_working_directory
from tabbydoctor.api import Check, Finding, Remedy
from tabbydoctor.deployment.drop_ins import DropIn
from tabbydoctor.deployment.nixos import edit_lasts, managed
from tabbydoctor.deployment.parts import Instance, Machine, RouterSite
from tabbydoctor.deployment.program import ServerProgram
from tabbydoctor.deployment.unit import Unit, UnitFile
from tabbydoctor.facts import needs
from tabbydoctor.host.local import LocalHost
from tabbydoctor.routers import Call, RouterReading
from tabbydoctor.tabbyapi.config import EffectiveConfig, Invalid, Origin
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.installed import installation
from tabbydoctor.tabbyapi.layers import effective_config
from tabbydoctor.tabbyapi.misnamed import MisnamedKeys, misnamed_keys
from tabbydoctor.targets import Targets

STORE = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz"
FILE, MINE = "/etc/systemd/system/tabbyapi.service", "/srv/tabby/my.yml"
NIXOS, DEBIAN = Machine(systemd=True, nixos=True), Machine(systemd=True)
SHOWN = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "FragmentPath": FILE,
    "ExecStart": f"{{ argv[]={STORE}-python/bin/python main.py --config {MINE} ; }}",
}
SYSTEM = Unit("tabbyapi.service", SHOWN)
USER = replace(SYSTEM, user_manager=True, owner="alice")
NOBODYS = [(SYSTEM, DEBIAN), (USER, NIXOS), (USER, DEBIAN)]
"""A program out of the store, in units that NixOS does not write."""


def instance(unit: Unit = SYSTEM) -> Instance:
    return Instance("/srv/tabby", ("--config", MINE), unit=unit)


def of_nixos(*remedies: Remedy) -> bool:
    return "nixos-rebuild" in str(remedies) or any(one.nix for one in remedies)


@pytest.mark.parametrize(("unit", "machine"), [*NOBODYS, (SYSTEM, None), (None, NIXOS)])
def test_units_that_nixos_does_not_write(unit: Unit | None, machine: Machine | None) -> None:
    assert managed(NIXOS, SYSTEM)
    assert not managed(machine, unit)


@pytest.mark.parametrize(("unit", "machine"), [*NOBODYS, (SYSTEM, NIXOS)])
def test_the_remedies_of_such_units(unit: Unit, machine: Machine) -> None:
    ours = machine.nixos and not unit.user_manager
    here = instance(unit)
    settings = [("DeviceAllow", "char-nvidia rw")]
    assert of_nixos(by_drop_in("Allow", DropIn(unit, "devices", tuple(settings)), machine)) is ours
    variable = Origin("environment", "TABBY_NETWORK_PORT (tabbyapi.service)")
    assert of_nixos(edit("Set it", variable, here, {("network", "port"): 1}, machine)) is ours
    place = Origin("argument", "--port (tabbyapi.service)")
    invalid = Invalid("network", "port", "a number", place, "x")
    config = EffectiveConfig("/srv/tabby", {}, (), invalid=(invalid,), usage_error="--x")
    program = ServerProgram("/srv/gone", directory_exists=False, main=None)
    hard = replace(here, unit=replace(unit, properties={**SHOWN, "ProcSubset": "pid"}))
    found: list[Finding] = [
        *invalid_value.judge(config, here, machine),
        *unit_working_directory.judge(here, program, config, machine),
        *unit_sandbox.judge(hard, config, machine),
    ]
    assert [of_nixos(*one.remedies) for one in found] == [ours] * 4


@pytest.mark.parametrize("machine", [NIXOS, DEBIAN])
def test_a_configuration_of_ones_own_is_edited(machine: Machine) -> None:
    place = Origin("config-file", f"{MINE}:3", MINE, 3)
    found = edit("Correct it", place, instance(), {("network", "port"): 5001}, machine)
    assert found.commands == (f"sudoedit {MINE}", *SYSTEM.restart)
    assert found.nix == ()


@pytest.mark.parametrize("machine", [NIXOS, DEBIAN])
def test_a_configuration_in_the_store_is_not(machine: Machine) -> None:
    stored = f"{STORE}-my.yml"
    place = Origin("config-file", f"{stored}:3", stored, 3)
    found = edit("Correct it", place, instance(), {("network", "port"): 5001}, machine)
    assert not any("sudoedit" in command for command in found.commands)
    assert of_nixos(found) is machine.nixos
    assert found.nix == ()  # the file is stronger than a variable


def test_no_variable_is_offered_against_an_argument() -> None:
    place = Origin("argument", f"--port ({FILE}:3)", FILE, 3)
    found = edit("Correct it", place, instance(), {("network", "port"): 5001}, NIXOS)
    assert found.commands == ("sudo nixos-rebuild switch",)
    assert found.nix == ()


def test_a_variable_for_what_nothing_sets() -> None:
    found = edit(
        "Set it", Origin("default", "default"), instance(), {("network", "port"): 1}, NIXOS
    )
    assert found.nix == ('systemd.services.tabbyapi.environment.TABBY_NETWORK_PORT = "1";',)


@pytest.mark.parametrize("check", [unknown_key, auth_section])
def test_no_edit_is_offered_where_none_lasts(check: Check, tmp_path: Path) -> None:
    text, lasting = "auth: {disable: true}\nmodel: {cache_mod: Q8}\n", tmp_path / "c.yml"
    lasting.write_text(text)
    anew = {"ExecStartPre": f"{{ argv[]=cp /srv/mine.yml {lasting} ; }}"}
    for before in ({}, anew):
        unit = replace(SYSTEM, properties={**SHOWN, **before})
        here = Instance(str(tmp_path), ("--config", str(lasting)), unit=unit)
        host = LocalHost()
        known = installation(host, here)
        config = effective_config(host, here, known, Targets())
        facts: dict[type, object] = {
            EffectiveConfig: config, Installation: known, Instance: here, Machine: DEBIAN,
            MisnamedKeys: misnamed_keys(host, here, config, known),
        }  # fmt: skip
        wanted = needs(check.judge).items()
        (found,) = check.judge(**{name: facts[kind] for name, (kind, _) in wanted})
        assert ("tabbydoctor fix CFG" in str(found.remedies)) is (before == {})


def test_a_file_of_variables_that_nixos_leaves_alone() -> None:
    place = Origin("environment", "TABBY_NETWORK_PORT (/srv/tabby.env:1)", "/srv/tabby.env", 1)
    found = edit("Correct it", place, instance(), {("network", "port"): 5001}, NIXOS)
    assert found.commands[0] == "sudoedit /srv/tabby.env"


@pytest.mark.parametrize(("unit", "machine"), [*NOBODYS, (SYSTEM, NIXOS)])
def test_a_variable_of_the_router_that_nothing_reads(unit: Unit, machine: Machine) -> None:
    text = "[Service]\nEnvironment=TABBY_API_KEY=x\n"
    shown = {**SHOWN, "Environment": "TABBY_API_KEY=x"}
    unit = replace(unit, properties=shown, files=(UnitFile(FILE, text),))
    site, call = (
        RouterSite("/srv/r.py", "python", unit),
        Call(3, "probe", "GET", "/v1/models", True),
    )
    reading = RouterReading("/srv/r.py", "python", calls=(call,))
    (found,) = env_unset.judge(reading, site, None, None, machine)
    assert of_nixos(*found.remedies) is (machine.nixos and not unit.user_manager)
    assert ("sudoedit" in str(found.remedies)) is not of_nixos(*found.remedies)


def test_edits_that_do_not_last() -> None:
    before = {"ExecStartPre": f"{{ argv[]=cp {STORE}-c.yml {MINE} ; }}"}
    anew = instance(replace(SYSTEM, properties={**SHOWN, **before}))
    assert edit_lasts(MINE, instance())
    assert not edit_lasts(MINE, anew)
    for path in (f"{STORE}-c.yml", "/run/current-system/c.yml", "/etc/static/c.yml", "/run/c.yml"):
        assert not edit_lasts(path, instance())
