"""`disable-auth` where authentication is off already, or others could reach the server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.nixos.module import NixModule
from tabbydoctor.remedies.disable_auth import plan_disable_auth
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.request import FixRequest
from tabbydoctor.routers import RouterReading
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint
from tests.checks.router.scene import endpoint, silent

from .scene import Scene

STORE = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz"
STRATEGY = FixRequest("disable-auth")
NIXOS = Machine(systemd=True, nixos=True, root=True)
LOCAL = RouterReading("/opt/router.py", "python", addresses=("http://127.0.0.1:5000",))
LASTING = "services.tabbyapi.disableAuth = true;"
LOOPBACK = 'services.tabbyapi.host = "127.0.0.1";'
THEN = "# then: sudo nixos-rebuild switch"
ASKS, OPEN = endpoint(True), endpoint(False)


def planned(scene: Scene, options: FixRequest = STRATEGY, **given: Any) -> Draft:
    """What is planned; `module` and `endpoint` are facts, None where they are not there."""

    async def plan() -> Draft:
        facts, draft = scene.facts(), Draft()
        facts.provide(Draft, draft)
        facts.provide(FixRequest, options)
        facts.provide(RouterReading, LOCAL)
        facts.provide(NixModule, given.get("module"))
        facts.provide(Endpoint, given.get("endpoint", silent()))
        if "config" in given:
            facts.provide(EffectiveConfig, given["config"])
        try:
            await facts.call(plan_disable_auth)
        finally:
            await facts.close()
        return draft

    return asyncio.run(plan())


def steps(draft: Draft) -> list[tuple[str, str]]:
    plan = draft.plan()
    return [(one.kind, one.target) for one in (*plan.files, *plan.actions)]


def network(scene: Scene, **keys: object) -> None:
    lines = [f"  {key}: {str(value).lower()}" for key, value in keys.items()]
    scene.write(scene.directory / "config.yml", "\n".join(("network:", *lines, "")))


# A: switched off before, and not restarted


def test_a_tabbyapi_that_was_not_restarted_is_restarted(scene: Scene) -> None:
    network(scene, disable_auth=True)
    draft = planned(scene, endpoint=ASKS)
    assert steps(draft) == [("restart", "tabbyapi.service")]
    assert draft.reasons["tabbyapi.service"] == "API004"
    assert any("started before" in note for note in draft.notes)


@pytest.mark.parametrize("answers", [OPEN, silent(), None, replace(ASKS, identity="other")])
def test_one_that_asks_for_no_key_is_left_alone(scene: Scene, answers: Endpoint | None) -> None:
    network(scene, disable_auth=True)
    draft = planned(scene, endpoint=answers)
    assert (steps(draft), draft.manual, draft.notes) == ([], [], [])


def test_its_restart_is_left_to_a_person_without_a_unit(scene: Scene) -> None:
    network(scene, disable_auth=True)
    scene.instance_changes["unit"] = None
    draft = planned(scene, endpoint=ASKS)
    assert (steps(draft), draft.manual) == (
        [],
        ["restart TabbyAPI the way it was started: it runs under no unit"],
    )


def test_a_restart_would_expose_it_as_an_edit_would(scene: Scene) -> None:
    network(scene, disable_auth=True, host="0.0.0.0")
    with pytest.raises(CannotFix, match=r"0\.0\.0\.0") as refused:
        planned(scene, endpoint=ASKS)
    assert refused.value.loopback_would_do
    draft = planned(scene, replace(STRATEGY, allow_exposed=True), endpoint=ASKS)
    assert steps(draft) == [("restart", "tabbyapi.service")]
    draft = planned(scene, replace(STRATEGY, bind_loopback=True), endpoint=ASKS)
    config = str(scene.directory / "config.yml")
    assert steps(draft) == [("edit", config), ("restart", "tabbyapi.service")]


def test_one_that_would_not_come_up_again_is_not_restarted(scene: Scene) -> None:
    network(scene, disable_auth=True, port="none at all")
    with pytest.raises(CannotFix, match="would not start"):
        planned(scene, endpoint=ASKS)


def test_what_switches_it_off_is_not_written_a_second_time(scene: Scene) -> None:
    scene.instance_changes["environment"] = {"TABBY_NETWORK_DISABLE_AUTH": "true"}
    draft = planned(scene, endpoint=ASKS)
    assert steps(draft) == [("restart", "tabbyapi.service")]


# On NixOS


class OnNixos:
    """The same deployment as the NixOS module would run it."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.config = scene.directory / "config/config.yml"
        self.copy = scene.directory / "config/tabbydoctor.yml"
        self.starts_on = self.config
        self.stored: str | None = None
        self.next: Mapping[str, Any] = {"network": {"disable_auth": False, "host": "127.0.0.1"}}
        scene.machine = NIXOS
        self.write()

    def write(self, **keys: object) -> None:
        said = {"disable_auth": False, "host": "127.0.0.1", **keys}
        lines = [f"  {key}: {str(value).lower()}" for key, value in said.items()]
        self.scene.write(self.starts_on, "\n".join(("network:", *lines, "")))

    def in_force(self, **keys: object) -> None:
        """`--temporary` was there before."""
        self.starts_on = self.copy
        self.write(disable_auth=True, **keys)

    @property
    def unit(self) -> Unit:
        command = f"{STORE}-tabbyapi/bin/tabbyapi --config {self.starts_on}"
        properties = {
            "ExecStart": f"{{ path={STORE}-tabbyapi/bin/tabbyapi ; argv[]={command} ; }}",
            "ExecStartPre": f"{{ path={STORE}-tabbyapi-pre-start ; argv[]= ; }}",
            "FragmentPath": f"{STORE}-unit/tabbyapi.service",
        }
        self.scene.properties = properties
        return self.scene.unit

    @property
    def module(self) -> NixModule:
        return NixModule(
            self.unit,
            str(self.scene.directory),
            str(self.config),
            generated=self.next,
            stored=self.stored,
            temporary=str(self.copy) if self.starts_on == self.copy else None,
        )

    def planned(self, options: FixRequest = STRATEGY, answers: Endpoint = ASKS) -> Draft:
        self.scene.instance_changes |= {"arguments": ("--config", str(self.starts_on))}
        return planned(self.scene, options, endpoint=answers, module=self.module)


@pytest.fixture
def nixos(scene: Scene) -> OnNixos:
    return OnNixos(scene)


TEMPORARY = replace(STRATEGY, temporary=True)


def test_nixos_is_refused_as_ever(nixos: OnNixos) -> None:
    with pytest.raises(CannotFix) as refused:
        nixos.planned()
    assert refused.value.manual.splitlines() == [LASTING, THEN]


def test_a_generated_file_edited_by_hand_is_overwritten_by_a_restart(nixos: OnNixos) -> None:
    nixos.write(disable_auth=True)
    with pytest.raises(CannotFix) as refused:
        nixos.planned()
    assert refused.value.manual.splitlines() == [LASTING, THEN]
    draft = nixos.planned(TEMPORARY)
    assert ("create", str(nixos.copy)) in steps(draft)
    assert ("restart", "tabbyapi.service") in steps(draft)


def test_what_configuration_nix_says_by_now_counts_with_a_restart(nixos: OnNixos) -> None:
    nixos.write(disable_auth=True)
    nixos.next, nixos.stored = {"network": {"disable_auth": True}}, f"{STORE}-config.yml"
    assert steps(nixos.planned()) == [("restart", "tabbyapi.service")]


@pytest.mark.parametrize("options", [STRATEGY, TEMPORARY])
def test_a_temporary_repair_that_was_not_restarted(nixos: OnNixos, options: FixRequest) -> None:
    nixos.in_force()
    draft = nixos.planned(options)
    assert steps(draft) == [("restart", "tabbyapi.service")]
    assert LASTING in draft.manual[0]


# B: a temporary repair in force


@pytest.mark.parametrize("options", [STRATEGY, TEMPORARY])
def test_a_temporary_repair_stays_a_matter_for_a_person(
    nixos: OnNixos, options: FixRequest
) -> None:
    nixos.in_force()
    draft = nixos.planned(options, OPEN)
    assert steps(draft) == []
    assert draft.manual == [f"what is to last is said in configuration.nix: {LASTING}"]
    assert draft.notes[0].startswith("it holds until the machine starts anew")


def test_nor_is_an_exposed_one_passed_over_in_silence(nixos: OnNixos) -> None:
    nixos.in_force(host="0.0.0.0")
    with pytest.raises(CannotFix) as refused:
        nixos.planned(TEMPORARY, OPEN)
    first, *lines = refused.value.manual.splitlines()
    assert "temporary repair" in first
    assert lines == [LOOPBACK, THEN]


def test_its_address_lasts_with_it(nixos: OnNixos) -> None:
    nixos.in_force(host="127.0.0.1")
    nixos.next = {"network": {"disable_auth": False, "host": "0.0.0.0"}}
    (manual,) = nixos.planned(TEMPORARY, OPEN).manual
    assert LASTING in manual
    assert LOOPBACK in manual


def test_one_that_configuration_nix_has_caught_up_with_is_taken_back(nixos: OnNixos) -> None:
    nixos.in_force()
    nixos.next = {"network": {"disable_auth": True, "host": "127.0.0.1"}}
    (manual,) = nixos.planned(answers=OPEN).manual
    assert "tabbydoctor undo" in manual


def test_a_temporary_repair_opens_no_address_that_was_not_judged(nixos: OnNixos) -> None:
    draft, config = Draft(), EffectiveConfig(str(nixos.scene.directory), {})
    nixos.write(host="0.0.0.0")
    instance: Instance = nixos.scene.instance
    plan_disable_auth(draft, instance, config, TEMPORARY, LOCAL, NIXOS, nixos.module, None)
    assert b"host: 127.0.0.1" in (draft.read(str(nixos.copy)) or b"")


# C and D: who would be let in


def test_on_nixos_the_loopback_is_said_in_nix(nixos: OnNixos) -> None:
    nixos.write(host="0.0.0.0")
    for options in (STRATEGY, TEMPORARY):
        with pytest.raises(CannotFix, match=r"0\.0\.0\.0") as refused:
            nixos.planned(options)
        assert refused.value.manual.splitlines() == [LOOPBACK, THEN]


def test_elsewhere_it_is_said_in_the_file(scene: Scene) -> None:
    network(scene, host="0.0.0.0")
    with pytest.raises(CannotFix) as refused:
        planned(scene, endpoint=ASKS)
    assert refused.value.manual == "network:\n  host: 127.0.0.1"


@pytest.mark.parametrize(
    ("host", "options", "said"),
    [
        ("127.0.0.1", STRATEGY, "every local user"),
        ("0.0.0.0", replace(STRATEGY, allow_exposed=True), "0.0.0.0, and whoever reaches its port"),
        ("0.0.0.0", replace(STRATEGY, bind_loopback=True), "every local user"),
    ],
)
def test_who_is_admin_then(scene: Scene, host: str, options: FixRequest, said: str) -> None:
    network(scene, host=host)
    (note,) = (one for one in planned(scene, options).notes if one.startswith("auth off"))
    assert said in note
