"""An edit of the file that each start copies anew: said once, and believed by no check."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from checks.config.auth_off_local import auth_off_local
from checks.config.not_durable import not_durable
from checks.config.unreadable import unreadable
from checks.endpoint.auth_differs import auth_differs
from checks.nixos.managed import managed
from checks.tokens.ignored import ignored
from tabbydoctor.api import Severity
from tabbydoctor.host.data import HttpAnswer, Process
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.installed import installation
from tabbydoctor.tabbyapi.layers import effective_config
from tabbydoctor.tabbyapi.outdated import differences
from tabbydoctor.tabbyapi.run_start import ChangedSince
from tabbydoctor.targets import Targets
from tests.checks.router.scene import endpoint, tokens
from tests.scratch_host import ScratchHost

from .test_nixos_checks import DATA, STORE, Machine

COPY = f"{DATA}/config/config.yml"
STORED = f"{STORE}-config.yml"
_URL = "http://127.0.0.1:5000/v1/models"
_REFUSED = HttpAnswer(_URL, status=401, body=b'{"detail": "Please provide an API key"}')
ENFORCING = replace(endpoint(True), answers={("/v1/models", "none"): _REFUSED})


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """TabbyAPI asks for keys, and ran since the store's file was copied."""
    made = Machine(tmp_path)
    made.switch()
    made.options()
    return made


def edit(machine: Machine, old: str = '"disable_auth":false', new: str = "") -> None:
    text = Path(f"{machine.root}{COPY}").read_text()
    assert old in text
    machine.write(COPY, text.replace(old, new or '"disable_auth":true'))


def config(machine: Machine) -> EffectiveConfig:
    host, instance = ScratchHost(machine.root), machine.instance
    return effective_config(host, instance, installation(host, instance), Targets())


def test_it_is_said_with_the_lines_that_last(machine: Machine) -> None:
    assert [found.severity for found in machine.judge(not_durable)] == [Severity.INFO]
    edit(machine)
    (found,) = machine.judge(not_durable)
    assert not_durable.severity is Severity.WARNING
    assert found.severity is None
    assert found.title == f"{COPY} was edited after NixOS wrote it; the next start discards that"
    first, copied = found.evidence
    assert (first.expected, first.actual) == (
        "network.disable_auth: false", "network.disable_auth: true",
    )  # fmt: skip
    assert copied.source == STORED
    assert found.remedies[0].nix == ("services.tabbyapi.disableAuth = true;",)
    assert found.remedies[0].commands == (
        "sudoedit /etc/nixos/configuration.nix", "sudo nixos-rebuild switch",
    )  # fmt: skip
    assert "systemctl" not in str(found.remedies)


def test_no_check_believes_it(machine: Machine) -> None:
    edit(machine)
    there = replace(tokens(), status=ScratchHost(machine.root).status(COPY))
    enforcing = (ENFORCING, there)
    for check in (auth_differs, auth_off_local, ignored):
        assert machine.judge(check, *enforcing) == [], check.id
    assert "disableAuth = true" not in str(machine.judge(managed))
    changed = ChangedSince(1.0, (COPY,))
    assert not list(differences(changed, config(machine), None, ENFORCING, None, None))


def test_what_nixos_has_is_believed(machine: Machine) -> None:
    machine.switch(disableAuth=True)
    machine.options(disableAuth=True)
    edit(machine, '"disable_auth":true', '"disable_auth":false')
    (found,) = machine.judge(auth_off_local)
    assert found.evidence[0].source == f"{STORED}:1"
    (found,) = machine.judge(not_durable)
    assert found.remedies[0].nix == ("services.tabbyapi.disableAuth = false;",)


def test_what_would_let_everybody_in_is_not_offered(machine: Machine) -> None:
    edit(machine)
    edit(machine, '"host":"127.0.0.1","port":5000', '"host":"0.0.0.0","port":5005')
    (found,) = machine.judge(not_durable)
    assert found.remedies[0].nix == ("services.tabbyapi.port = 5005;",)


@pytest.mark.parametrize("text", ["", "network: [", "just words", "{}"])
def test_what_is_no_configuration_any_more(machine: Machine, text: str) -> None:
    machine.switch(disableAuth=True)
    machine.write(COPY, text)
    (found,) = machine.judge(not_durable)
    assert [remedy.nix for remedy in found.remedies] == [()]
    assert machine.judge(unreadable) == []
    assert config(machine).auth_disabled


def test_no_secret_is_shown(machine: Machine) -> None:
    edit(
        machine,
        '"network":{',
        '"api":{"admin_key":"s3cr3t"},"auth":{"api_key":"s3cr3t"},"network":{',
    )
    (found,) = machine.judge(not_durable)
    assert "admin_key: ***" in str(found)
    assert "s3cr3t" not in str(found)


@pytest.mark.parametrize("lines", ["", "cat x >> y\n", "cp /nix/store/x 'y\n", "cp $from $to\n"])
def test_a_script_that_does_not_tell_leaves_the_copy_alone(machine: Machine, lines: str) -> None:
    machine.write(f"{STORE}-tabbyapi-pre-start", f"#!/bin/sh\n{lines}")
    edit(machine)
    assert config(machine).auth_disabled
    assert [found.severity for found in machine.judge(not_durable)] == [Severity.INFO]


def test_another_generation_since_is_no_edit(machine: Machine) -> None:
    """TabbyAPI still runs on the older one: that is to be restarted, and is not discarded."""
    machine.process = Process(7, ("python",), 0, started=time.time())
    older = os.stat(f"{machine.root}{COPY}").st_ctime
    while os.stat(f"{machine.root}{STORED}").st_ctime <= older:
        machine.switch(disableAuth=True)
    assert [found.severity for found in machine.judge(not_durable)] == [Severity.INFO]
    (found,) = machine.judge(auth_differs, ENFORCING)
    assert "Restart TabbyAPI" in found.remedies[0].title
