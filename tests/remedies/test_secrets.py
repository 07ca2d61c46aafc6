"""SVC008: secrets leave `Environment=`, and the unit gets the same variables as before."""

from __future__ import annotations

import shlex
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.deployment.unit import EnvironmentFile, Unit
from tabbydoctor.nixos.by_rebuild import THEN
from tabbydoctor.redaction import redact
from tabbydoctor.remedies.draft import CannotFix
from tabbydoctor.remedies.secrets import assigned

from .scene import KEY, RELOAD, ROUTER, Scene


def environment_of(scene: Scene, name: str) -> str:
    """What `systemctl show -p Environment` has after a reload."""
    values: dict[str, str] = {}
    for file in scene.unit_named(name).files:
        values |= assigned(file.text.encode())
    return shlex.join(f"{variable}={value}" for variable, value in values.items())


def router(scene: Scene, text: str | None = None) -> Unit:
    if text is not None:
        scene.write(scene.root / "units/router.service", text, owner=0)
    unit = scene.unit_named("router.service", Environment=environment_of(scene, "router.service"))
    scene.router = RouterSite("/srv/router.py", "python", unit=unit, user=ROUTER)
    return unit


def kept(scene: Scene, name: str) -> Path:
    path = scene.root / "kept" / name
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_uid == 0
    return path


def test_the_router_s_key(scene: Scene) -> None:
    text = f'[Service]\n# the key\nEnvironment=TABBY_API_KEY={KEY} "MODE=a b"\nUser=router\n'
    router(scene, text)
    before = scene.snapshot()
    draft = scene.mend("SVC008")
    unit = scene.root / "units/router.service"
    assert unit.read_text() == '[Service]\n# the key\nEnvironment="MODE=a b"\nUser=router\n'
    path = kept(scene, "router.service/environment")
    assert path.read_text() == f'TABBY_API_KEY="{KEY}"\n'
    dropped = (scene.root / "units/router.service.d/zz-tabbydoctor-key.conf").read_text()
    assert f"EnvironmentFile={path}\n" in dropped
    assert scene.runner.ran == [RELOAD]  # what runs keeps what it has
    assert any("rotate" in note for note in draft.notes)
    router(scene)
    scene.gone(["SVC008"])
    scene.state.undo()
    assert scene.snapshot() == before


def test_any_secret_of_either_unit(scene: Scene) -> None:
    odd = 'a$b`c"e12345'
    scene.write(
        scene.root / "units/tabbyapi.service.d/10.conf",
        "[Service]\nEnvironment=HF_TOKEN=hf_0123456789 TABBY_NETWORK_PORT=5001\n",
        owner=0,
    )
    router(scene, f"[Service]\nEnvironment='OPENAI_API_KEY={odd}'\nEnvironment=PORT=1\n")
    scene.properties = {"Environment": environment_of(scene, "tabbyapi.service")}
    before = scene.snapshot()
    scene.mend("SVC008")
    assert kept(scene, "tabbyapi.service/secrets").read_text() == 'HF_TOKEN="hf_0123456789"\n'
    escaped = 'a\\$b\\`c\\"e12345'
    assert kept(scene, "router.service/secrets").read_text() == f'OPENAI_API_KEY="{escaped}"\n'
    remains = (scene.root / "units/tabbyapi.service.d/10.conf").read_text()
    assert remains == "[Service]\nEnvironment=TABBY_NETWORK_PORT=5001\n"
    assert (scene.root / "units/router.service").read_text() == "[Service]\nEnvironment=PORT=1\n"
    router(scene)
    scene.properties = {"Environment": environment_of(scene, "tabbyapi.service")}
    scene.gone(["SVC008"])
    scene.state.undo()
    assert scene.snapshot() == before


def test_what_a_file_sets_already_counts_as_it_is(scene: Scene) -> None:
    own = scene.write(scene.root / "router.env", "OPENAI_API_KEY=sk-the-one-that-counts\n", owner=0)
    text = f"[Service]\nEnvironment=OPENAI_API_KEY=sk-another-one-1234\nEnvironmentFile={own}\n"
    router(scene, text)
    scene.mend("SVC008")
    assert (scene.root / "units/router.service").read_text() == (
        f"[Service]\nEnvironmentFile={own}\n"
    )
    assert not (scene.root / "kept").exists()


@pytest.mark.parametrize(
    "line",
    [
        "Environment='A=1 \\\n 2' OPENAI_API_KEY=sk-0123456789abcdefghij",  # quotes over two lines
        "Environment=OPENAI_API_KEY=sk-0123456789abcdefghij A='b",  # not closed
    ],
)
def test_what_stands_beside_it_is_not_risked(scene: Scene, line: str) -> None:
    router(scene, f"[Service]\n{line}\n")
    assert scene.findings("SVC008")
    with pytest.raises(CannotFix, match="without touching what stands beside it"):
        scene.draft("SVC008")


def test_a_secret_that_no_file_sets(scene: Scene) -> None:
    scene.properties = {"Environment": "HF_TOKEN=hf_0123456789"}
    with pytest.raises(CannotFix, match="none of its files"):
        scene.draft("SVC008")


def test_nixos_is_told_the_line(scene: Scene) -> None:
    scene.properties = {"Environment": "HF_TOKEN=hf_0123456789"}
    scene.machine = replace(scene.machine, nixos=True)
    with pytest.raises(CannotFix, match=r"configuration\.nix") as refused:
        scene.draft("SVC008")
    assert "hf_0123456789" not in refused.value.manual
    first, second, *_, rebuild = before_rotation(refused.value.manual)
    assert first == "# first: sudo install -D -m 600 /dev/null /etc/tabbyapi.env"
    assert second == "# first: sudoedit /etc/tabbyapi.env"
    assert rebuild == THEN
    assert redact(refused.value.manual) == refused.value.manual


def before_rotation(manual: str) -> list[str]:
    """The lines up to the advice to rotate, which is there."""
    before, _, advice = manual.partition("\n# Then rotate ")
    assert "readable by every local user" in advice
    return before.splitlines()


def test_on_nixos_a_file_that_the_unit_reads_already_is_not_emptied(scene: Scene) -> None:
    there = EnvironmentFile("/etc/tabbyapi.env", False, "A=1\n")
    scene.properties = {"Environment": "HF_TOKEN=hf_0123456789"}
    scene.instance_changes = {"unit": replace(scene.unit, environment_files=(there,))}
    scene.machine = replace(scene.machine, nixos=True)
    with pytest.raises(CannotFix) as refused:
        scene.draft("SVC008")
    assert "/dev/null" not in refused.value.manual
    assert before_rotation(refused.value.manual)[0] == "# first: sudoedit /etc/tabbyapi.env"


def test_an_escape_is_not_guessed(scene: Scene) -> None:
    router(scene, "[Service]\nEnvironment=OPENAI_API_KEY=sk-%%0123456789abcdef\n")
    with pytest.raises(CannotFix, match="with an escape"):
        scene.draft("SVC008")
