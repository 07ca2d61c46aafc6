"""Faults of a NixOS deployment: what its module ignores, and what it leaves open."""

from __future__ import annotations

from typing import Any

from tests.lab.deployment import Deployment
from tests.lab.faults.fault import fault
from tests.lab.nixos import GENERATED, PACKAGE, SOURCE, STAND_IN, STATE, NixDeployment, in_place


def switch(d: Deployment, **options: Any) -> None:
    """Another generation, with these options."""
    NixDeployment(d.machine, d.installed).switch(**options)


@fault("NixOS as it should be", "NIX001", remark=True, healthy=in_place(), stand_in=STAND_IN)
def managed(d: Deployment) -> None:
    """Where the lasting change belongs is worth a remark."""


@fault("NixOS with environmentFiles", "NIX002", healthy=in_place(), stand_in=STAND_IN)
def environment_files(d: Deployment) -> None:
    text = d.machine.read(SOURCE)
    d.machine.write(SOURCE, text.replace("true;", 'true; environmentFiles = [ "/run/s" ];'))


@fault("NixOS with a draft model", "NIX003", healthy=in_place(), stand_in=STAND_IN)
def draft(d: Deployment) -> None:
    switch(d, draftModelName="small")


@fault("NixOS with cudaMallocBackend", "NIX004", healthy=in_place(), stand_in=STAND_IN)
def ignored_option(d: Deployment) -> None:
    switch(d, cudaMallocBackend=True)


@fault(
    "NixOS with a config.yml of its own in dataDir", "NIX005", consequences={"CFG007"},
    healthy=in_place(), stand_in=STAND_IN,
)  # fmt: skip
def stray_config(d: Deployment) -> None:
    text = "draft_model: {draft_num_tokens: 4}\n"
    d.machine.write(STATE / "config.yml", text, owner="tabbyapi:tabbyapi")


@fault(
    "NixOS open to the network", "CFG008", consequences={"NIX006"},
    shows=frozenset({"NIX006"}), healthy=in_place(), stand_in=STAND_IN,
)  # fmt: skip
def open_firewall(d: Deployment) -> None:
    switch(d, host="0.0.0.0", disableAuth=True)


@fault(
    "NixOS with an edit of the file it copies at each start", "CFG012",
    when="running", healthy=in_place(), stand_in=STAND_IN,
)  # fmt: skip
def edited_copy(d: Deployment) -> None:
    text = d.machine.read(GENERATED)
    assert '"disable_auth":false' in text
    text = text.replace('"disable_auth":false', '"disable_auth":true')
    d.machine.write(GENERATED, text, owner="tabbyapi:tabbyapi")


@fault("NixOS with a checkout in dataDir", "NIX007", healthy=in_place(), stand_in=STAND_IN)
def shadowed(d: Deployment) -> None:
    d.machine.run(["cp", PACKAGE / "lib/main.py", STATE])
