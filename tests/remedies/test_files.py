"""TOK004, TOK005 and TOK007: modes, owners and places, given back to the byte."""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from tabbydoctor.deployment.parts import Instance, RouterSite
from tabbydoctor.remedies.draft import CannotFix

from .scene import ALICE, KEYS, RESTART, ROUTER, SERVICE, Scene

SITE = RouterSite("/srv/router.py", "python", user=ROUTER)


def permissions(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid


def closed(scene: Scene) -> tuple[int, int, int]:
    """Close the file, look, take it back, and see that all is as before."""
    before = scene.snapshot()
    scene.mend("TOK004")
    scene.gone(["TOK004", "TOK007"])
    after = permissions(scene.tokens)
    scene.state.undo()
    assert scene.snapshot() == before
    return after


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o664])
def test_closed_to_others(scene: Scene, mode: int) -> None:
    scene.write(scene.tokens, KEYS, mode)
    assert closed(scene) == (0o600, SERVICE.uid, SERVICE.gid)
    assert scene.runner.ran == []


def test_closed_and_still_the_service_s(scene: Scene) -> None:
    scene.write(scene.tokens, KEYS, 0o644, owner=0)
    assert closed(scene) == (0o600, SERVICE.uid, 0)


def test_the_router_reads_it_by_its_own_group(scene: Scene) -> None:
    scene.router = SITE
    scene.write(scene.tokens, KEYS, 0o644)
    assert closed(scene) == (0o640, SERVICE.uid, ROUTER.gid)


def test_the_router_keeps_the_group_it_reads_by(scene: Scene) -> None:
    shared = 61010
    scene.router = replace(SITE, user=replace(ROUTER, groups=(ROUTER.gid, shared)))
    scene.write(scene.tokens, KEYS, 0o644, group=shared)
    assert closed(scene) == (0o640, SERVICE.uid, shared)


def test_no_mode_would_do(scene: Scene) -> None:
    # alice is in the router's group: only an access control list tells them apart.
    scene.router = SITE
    scene.accounts = (*scene.accounts[:3], replace(ALICE, groups=(ALICE.gid, ROUTER.gid)))
    scene.write(scene.tokens, KEYS, 0o644)
    with pytest.raises(CannotFix) as refused:
        scene.draft("TOK004")
    assert f"sudo setfacl -m u:router:r {scene.tokens}" in refused.value.manual


def test_an_access_control_list_is_taken_off(scene: Scene) -> None:
    entries = [(1, 6, 2**32 - 1), (2, 4, ALICE.uid), (4, 0, 2**32 - 1), (16, 4, 2**32 - 1)]
    entries.append((32, 0, 2**32 - 1))
    raw = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(scene.tokens, "system.posix_acl_access", raw)
    except OSError as error:
        pytest.skip(f"this file system has no ACL: {error}")
    assert closed(scene) == (0o600, SERVICE.uid, SERVICE.gid)


def test_a_file_in_a_container_is_left(scene: Scene) -> None:
    scene.write(scene.tokens, KEYS, 0o644)
    scene.instance_changes = {"container": "docker tabbyapi"}
    with pytest.raises(CannotFix, match="docker tabbyapi"):
        scene.draft("TOK004")


# TOK005


def test_the_misnamed_file_gets_its_name(scene: Scene) -> None:
    scene.tokens.unlink()
    wrong = scene.write(scene.directory / "api_keys.yml", KEYS, 0o644, owner=0)
    before = scene.snapshot()
    scene.mend("TOK005")
    assert not wrong.exists()
    assert scene.tokens.read_text() == KEYS
    assert permissions(scene.tokens) == (0o600, SERVICE.uid, SERVICE.gid)
    scene.gone(["TOK005"])
    scene.state.undo()
    assert scene.snapshot() == before


@pytest.mark.parametrize("place", ["etc", "program"])
def test_a_file_beside_config_or_program_moves(scene: Scene, place: str) -> None:
    scene.tokens.unlink()
    elsewhere = scene.root / place
    scene.write(elsewhere / "api_tokens.yml", KEYS)
    if place == "etc":
        scene.write(elsewhere / "config.yml", "network:\n  port: 5000\n")
        scene.arguments = ("--config", str(elsewhere / "config.yml"))
    else:
        scene.instance_changes = {"program": str(elsewhere)}
    scene.mend("TOK005")
    assert scene.tokens.read_text() == KEYS
    scene.gone(["TOK005"])


def test_never_over_a_file_that_is_there(scene: Scene) -> None:
    scene.write(scene.directory / "api_keys.yml", KEYS)
    with pytest.raises(CannotFix) as refused:
        scene.draft("TOK005")
    assert refused.value.manual == f"sudo rm {scene.directory}/api_keys.yml"


def test_never_another_tabbyapi_s(scene: Scene) -> None:
    scene.tokens.unlink()
    program = scene.root / "program"
    scene.write(program / "api_tokens.yml", KEYS)
    scene.instance_changes = {"program": str(program)}
    scene.others = (Instance(str(program)),)
    with pytest.raises(CannotFix, match="another TabbyAPI"):
        scene.draft("TOK005")


def test_never_what_tabbyapi_would_exit_on(scene: Scene) -> None:
    scene.tokens.unlink()
    scene.write(scene.directory / "api_keys.yml", "api_key: [\n")
    with pytest.raises(CannotFix, match="no tokens file"):
        scene.draft("TOK005")


# TOK007


@pytest.fixture
def roots_directory(scene: Scene) -> None:
    """None but root can have put anything there."""
    os.chown(scene.directory, 0, 0)


@pytest.mark.usefixtures("roots_directory")
def test_the_service_gets_its_file(scene: Scene) -> None:
    scene.write(scene.tokens, KEYS, 0o600, owner=0)
    before = scene.snapshot()
    scene.mend("TOK007")
    assert permissions(scene.tokens) == (0o600, SERVICE.uid, 0)
    scene.gone(["TOK004", "TOK007"])
    assert scene.runner.ran == []
    scene.state.undo()
    assert scene.snapshot() == before


@pytest.mark.usefixtures("roots_directory")
def test_the_router_does_not_lose_it(scene: Scene) -> None:
    scene.router = SITE
    scene.write(scene.tokens, KEYS, 0o600, owner=ROUTER.uid)
    scene.mend("TOK007")
    assert permissions(scene.tokens) == (0o640, SERVICE.uid, ROUTER.gid)


def test_the_service_is_not_given_what_it_may_have_moved_there(scene: Scene) -> None:
    scene.write(scene.tokens, KEYS, 0o600, owner=0)
    (finding,) = scene.findings("TOK007")
    assert not any("fix TOK007" in line for one in finding.remedies for line in one.commands)
    with pytest.raises(CannotFix, match="they could have put it there"):
        scene.draft("TOK007")


@pytest.mark.usefixtures("roots_directory")
def test_a_tabbyapi_that_is_down_is_started(scene: Scene) -> None:
    scene.properties = {"ActiveState": "failed"}
    scene.write(scene.tokens, KEYS, 0o600, owner=0)
    scene.mend("TOK007")
    assert scene.runner.ran[-1] == RESTART


def test_a_directory_in_the_way_is_left_to_people(scene: Scene) -> None:
    scene.directory.chmod(0o700)
    os.chown(scene.directory, 0, 0)
    with pytest.raises(CannotFix) as refused:
        scene.draft("TOK007")
    assert refused.value.manual == f"sudo setfacl -m u:tabby:x {scene.directory}"


def test_a_file_that_may_not_be_made_is_left_to_people(scene: Scene) -> None:
    scene.tokens.unlink()
    scene.properties = {"ProtectSystem": "strict"}
    with pytest.raises(CannotFix, match="ProtectSystem=strict"):
        scene.draft("TOK007")
    scene.properties = {}
    os.chown(scene.directory, 0, 0)
    with pytest.raises(CannotFix) as refused:
        scene.draft("TOK007")
    assert refused.value.manual == f"sudo setfacl -m u:tabby:rwx {scene.directory}"
