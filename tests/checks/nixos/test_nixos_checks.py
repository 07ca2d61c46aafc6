"""Each check of a NixOS deployment fires on its fault, and is silent on a healthy one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from checks.nixos.draft import draft
from checks.nixos.environment_files import environment_files
from checks.nixos.ignored_option import ignored_option
from checks.nixos.managed import managed
from checks.nixos.open_firewall import open_firewall
from checks.nixos.stray_config import stray_config
from tabbydoctor.api import Absent, Check, Finding, Severity, Unknown
from tabbydoctor.deployment import parts
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.unit import EnvironmentFile, Unit, UnitFile
from tabbydoctor.facts import needs
from tabbydoctor.host.data import Process
from tabbydoctor.nixos.generated import generated
from tabbydoctor.nixos.module import NixModule, nix_module
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.installed import installation
from tabbydoctor.tabbyapi.layers import effective_config
from tabbydoctor.targets import Targets
from tests.nixos.nix import needs_nix, parse
from tests.scratch_host import ScratchHost

FAULTS = (environment_files, draft, ignored_option, stray_config, open_firewall)
STORE = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz"
DATA = "/var/lib/tabbyapi"
SOURCE = """\
{ config, ... }: {
  # services.tabbyapi.environmentFiles = [ "/run/old" ];
  services.tabbyapi = {
    enable = true;
    environmentFiles = [ ];
  };
  containers.x.environmentFiles = [ "/run/x" ];
  users.users.tabbyapi.extraGroups = [ "video" ];
}
"""


@dataclass
class Machine:
    """A machine below `root` whose unit is of the module's shape."""

    root: Path
    arguments: tuple[str, ...] = ("--config", f"{DATA}/config/config.yml")
    properties: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    environment_files: tuple[EnvironmentFile, ...] = ()
    process: Process | None = None

    def write(self, path: str, text: str) -> None:
        place = Path(f"{self.root}{path}")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def switch(self, **options: Any) -> None:
        """What `nixos-rebuild switch` leaves: the store's file, and the script that copies it."""
        found = generated({"enable": True, "modelName": "", **options})
        self.write(f"{STORE}-config.yml", found.text)
        copy = f"cp {STORE}-config.yml {DATA}/config/config.yml"
        self.write(f"{STORE}-tabbyapi-pre-start", f"#!/bin/sh\n# Copy config file\n{copy}\n")

    def options(self, **options: Any) -> None:
        """What the last start wrote."""
        found = generated({"enable": True, "modelName": "", **options})
        self.write(f"{DATA}/config/config.yml", found.text)

    @property
    def instance(self) -> Instance:
        text = f"[Service]\nExecStart={STORE}-tabbyapi/bin/tabbyapi {' '.join(self.arguments)}\n"
        shown = {
            "LoadState": "loaded",
            "WorkingDirectory": DATA,
            "ExecStartPre": f"{{ path={STORE}-tabbyapi-pre-start ; argv[]= ; }}",
            **self.properties,
        }
        files = (UnitFile("/etc/systemd/system/tabbyapi.service", text),)
        unit = Unit("tabbyapi.service", shown, files, self.environment_files)
        return Instance(DATA, self.arguments, self.environment, unit=unit, process=self.process)

    def judge(self, check: Check, *further: object) -> list[Finding]:
        host, instance = ScratchHost(self.root), self.instance
        known = installation(host, instance)
        facts: dict[type, object] = {
            Instance: instance,
            Installation: known,
            EffectiveConfig: effective_config(host, instance, known, Targets()),
            NixModule: nix_module(host, instance),
            parts.Machine: parts.Machine(systemd=True, nixos=True),
        }
        facts |= {type(fact): fact for fact in further}
        wanted = needs(check.judge).items()
        given = {name: facts.get(kind) for name, (kind, _) in wanted}
        assert all(given[name] is not None or optional for name, (_, optional) in wanted)
        return list(check.judge(**given))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.options()
    made.write("/etc/nixos/configuration.nix", SOURCE)
    return made


@pytest.mark.parametrize("check", FAULTS, ids=lambda check: check.id)
def test_silent_on_a_healthy_deployment(machine: Machine, check: Check) -> None:
    machine.options(host="0.0.0.0", modelName="tiny", maxSeqLen=4096)
    assert machine.judge(check) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"arguments": ()},
        {"arguments": ("--config", "/srv/config.yml")},
        {"properties": {"ExecStartPre": "{ path=/usr/bin/true ; }"}},
    ],
)
def test_what_is_not_the_modules_is_skipped(machine: Machine, changed: dict[str, Any]) -> None:
    for name, value in changed.items():
        setattr(machine, name, value)
    with pytest.raises(Absent):
        machine.judge(managed)


@needs_nix
def test_managed_prints_lines_that_nix_reads(machine: Machine, tmp_path: Path) -> None:
    machine.options(host="::", modelName='a "${b}"', gpuSplit=[20.0])
    (found,) = machine.judge(managed)
    assert managed.severity is Severity.INFO
    lines = "\n".join(found.remedies[0].nix)
    assert 'services.tabbyapi.host = "::";' in lines
    parse("{\n" + lines + "\n}", tmp_path)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (SOURCE.replace("[ ];", '[ "/run/s" ];'), 5),
        ('{\n  services.tabbyapi.environmentFiles = [ "/run/s" ];\n}', 2),
        ('{ services = { tabbyapi = {\n environmentFiles = [\n "/run/s" ]; }; }; }', 2),
    ],
)
def test_environment_files(machine: Machine, text: str, line: int) -> None:
    machine.write("/etc/nixos/configuration.nix", text)
    (found,) = machine.judge(environment_files)
    assert f"/etc/nixos/configuration.nix:{line} " in found.title
    machine.environment_files = (EnvironmentFile("/run/s", False, ""),)
    assert machine.judge(environment_files) == []


def test_environment_files_of_a_configuration_elsewhere(machine: Machine) -> None:
    machine.write("/etc/nixos/configuration.nix", "{ }")
    with pytest.raises(Unknown, match="/etc/nixos"):
        machine.judge(environment_files)


@needs_nix
def test_draft(machine: Machine, tmp_path: Path) -> None:
    machine.options(draftModelName="small ${x}", draftGpuSplit=[4.0])
    (found,) = machine.judge(draft)
    assert "draftModelName" in found.title
    (remedy,) = found.remedies
    assert "no variable holds the list of draftGpuSplit" in remedy.title
    parse("{ " + "\n".join(remedy.nix) + " }", tmp_path)


def test_draft_that_the_environment_brings_back(machine: Machine) -> None:
    machine.options(draftModelName="small")
    machine.environment = {"TABBY_DRAFT_MODEL_DRAFT_MODEL_NAME": "small"}
    assert machine.judge(draft) == []


def test_ignored_options(machine: Machine) -> None:
    machine.options(cudaMallocBackend=True)
    machine.arguments = (*machine.arguments, "--port", "7000", "--no-such=secret")
    malloc, arguments = machine.judge(ignored_option)
    assert "cudaMallocBackend" in malloc.title
    assert arguments.title.endswith("--port --no-such")
    assert "secret" not in str(arguments)


def test_stray_config(machine: Machine) -> None:
    machine.write(f"{DATA}/config.yml", "draft_model: {draft_model_name: small}\n")
    (found,) = machine.judge(stray_config)
    assert f"{DATA}/config.yml" in found.title


def test_open_firewall(machine: Machine) -> None:
    machine.options(host="0.0.0.0", disableAuth=True)
    (found,) = machine.judge(open_firewall)
    assert "port 5000" in found.title
    for host in ("127.0.0.1", "localhost", "::1"):
        machine.options(host=host, disableAuth=True)
        assert machine.judge(open_firewall) == []
