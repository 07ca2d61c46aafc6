"""SVC005, SVC010 and SVC012, and what is never done to a unit that NixOS writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.host import HttpAnswer
from tabbydoctor.remedies.draft import CannotFix
from tabbydoctor.tabbyapi.probes import Address, Endpoint
from tabbydoctor.tabbyapi.run_start import ChangedSince

from .scene import RELOAD, RESTART, Scene

ADDRESS = Address("http://127.0.0.1:5000", "127.0.0.1:5000", "a test")


def drop_in(scene: Scene, name: str) -> Path:
    return scene.root / f"units/tabbyapi.service.d/zz-tabbydoctor-{name}.conf"


def settings(path: Path) -> list[str]:
    header, *lines = path.read_text().splitlines()
    assert header.startswith("#")
    return lines


def test_systemd_reads_its_files_again(scene: Scene) -> None:
    scene.properties = {"NeedDaemonReload": "yes"}
    scene.router = RouterSite(None, "python", unit=scene.unit_named("r.service"))
    scene.mend("SVC005")
    assert scene.runner.ran == [RELOAD]
    scene.properties = {"NeedDaemonReload": "no"}
    scene.gone(["SVC005"])


def answering(status: int) -> Endpoint:
    """A TabbyAPI that answers a request without a key so."""
    answer = HttpAnswer("http://127.0.0.1:5000/v1/models", status=status)
    return Endpoint(ADDRESS, True, "tabbyapi", answer, {("/v1/models", "none"): answer})


def differing(scene: Scene) -> None:
    scene.given = {
        ChangedSince: ChangedSince(0.0, (str(scene.directory / "config.yml"),)),
        Endpoint: answering(200),
    }


def test_restarted_where_the_server_differs(scene: Scene) -> None:
    differing(scene)
    draft = scene.mend("SVC010")
    assert scene.runner.ran[-1] == RESTART
    assert draft.notes == ["tabbyapi.service is restarted: a loaded model is loaded anew"]
    scene.given[Endpoint] = answering(401)
    scene.gone(["SVC010"])


def test_a_reload_that_is_due_comes_first(scene: Scene) -> None:
    """Else what is started is the unit as it was."""
    differing(scene)
    scene.properties = {"NeedDaemonReload": "yes"}
    scene.mend("SVC010")
    assert scene.runner.ran[0] == RELOAD
    assert scene.runner.ran[-1] == RESTART


def test_without_a_unit_a_restart_is_left_to_people(scene: Scene) -> None:
    differing(scene)
    scene.instance_changes = {"unit": None}
    with pytest.raises(CannotFix, match="no unit"):
        scene.draft("SVC010")


HARD = {"MemoryDenyWriteExecute": "yes", "ProtectSystem": "strict"}


def test_the_sandbox_leaves_tabbyapi_what_it_needs(scene: Scene) -> None:
    scene.properties = dict(HARD)
    before = scene.snapshot()
    scene.mend("SVC012")
    path = drop_in(scene, "sandbox")
    assert settings(path) == [
        "[Service]",
        "MemoryDenyWriteExecute=no",
        f"ReadWritePaths=-{scene.directory}",
    ]
    assert [ran for ran in scene.runner.ran if "reset" not in ran] == [RELOAD, RESTART]
    # As systemd shows it after the reload.
    scene.properties |= {"MemoryDenyWriteExecute": "no", "ReadWritePaths": f"-{scene.directory}"}
    scene.gone(["SVC012"])
    scene.state.undo()
    assert scene.snapshot() == before


def test_what_an_earlier_repair_wrote_stays(scene: Scene) -> None:
    scene.properties = {"ProcSubset": "pid"}
    scene.mend("SVC012")
    scene.properties = {"MemoryDenyWriteExecute": "yes"}
    scene.mend("SVC012")
    expected = ["[Service]", "ProcSubset=all", "MemoryDenyWriteExecute=no"]
    assert settings(drop_in(scene, "sandbox")) == expected


def after(scene: Scene) -> dict[str, str]:
    """The unit's properties as systemd has them once it has read our drop-in."""
    shown = dict(scene.properties)
    for line in settings(drop_in(scene, "sandbox"))[1:]:
        name, _, value = line.partition("=")
        if not value and name.startswith("Bind"):  # systemd.exec(5): it empties both
            shown |= {"BindPaths": "", "BindReadOnlyPaths": ""}
        adds = value and name.endswith("Paths")
        shown[name] = f"{shown.get(name, '')} {value}".strip() if adds else value
    return shown


def test_read_only_on_the_same_path_wins_and_is_taken_out(scene: Scene) -> None:
    own = str(scene.directory)
    parent = str(scene.directory.parent)
    scene.properties = {"ReadOnlyPaths": f"/srv -{own} +/opt {parent}"}
    scene.mend("SVC012")
    assert settings(drop_in(scene, "sandbox")) == [
        "[Service]",
        "ReadOnlyPaths=",
        f"ReadOnlyPaths=/srv +/opt {parent}",
        f"ReadWritePaths=-{own}",
    ]
    scene.properties = after(scene)
    scene.gone(["SVC012"])


def test_lists_of_an_earlier_repair_are_written_anew(scene: Scene) -> None:
    own = str(scene.directory)
    scene.properties = {"InaccessiblePaths": f"/srv {own}"}
    scene.mend("SVC012")
    scene.properties = {"InaccessiblePaths": f"{own} /opt /srv"}
    scene.mend("SVC012")
    lines = ["[Service]", "InaccessiblePaths=", "InaccessiblePaths=/opt /srv"]
    assert settings(drop_in(scene, "sandbox")) == lines


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ({"InaccessiblePaths": "{parent}"}, ["InaccessiblePaths="]),
        ({"TemporaryFileSystem": "{parent}:ro"}, ["BindPaths=-{own}"]),
        ({"TemporaryFileSystem": "{own}:ro"}, ["TemporaryFileSystem="]),
        ({"BindReadOnlyPaths": "{own}:{own}:rbind"}, ["BindPaths=", "BindPaths={own}:{own}:rbind"]),
        ({"PrivateTmp": "yes"}, ["PrivateTmp=no"]),
    ],
)
def test_what_is_hidden_is_seen_again(
    scene: Scene, shown: dict[str, str], expected: list[str]
) -> None:
    own = str(scene.directory)
    assert own.startswith("/tmp/")
    names = {"own": own, "parent": str(scene.directory.parent)}
    scene.properties = {name: value.format(**names) for name, value in shown.items()}
    scene.mend("SVC012")
    lines = [line.format(**names) for line in expected]
    assert settings(drop_in(scene, "sandbox")) == ["[Service]", *lines]
    scene.properties = after(scene)
    scene.gone(["SVC012"])


def bound(scene: Scene) -> dict[str, list[str]]:
    """Which mounts are left, by list, once our drop-in is read."""
    shown = after(scene)
    return {name: shown.get(name, "").split() for name in ("BindPaths", "BindReadOnlyPaths")}


@pytest.mark.parametrize("behind", ["", "/srv"])
def test_no_mount_is_lost(scene: Scene, behind: str) -> None:
    """To empty one list of them empties both (systemd.exec(5))."""
    own = f"{scene.directory}:{scene.directory}:rbind"
    others = {
        "BindPaths": "/mnt/big:/srv/models:rbind -/mnt/a:/mnt/b",
        "BindReadOnlyPaths": "/etc/ssl:/etc/ssl:rbind",
    }
    scene.properties = {
        "BindReadOnlyPaths": f"{others['BindReadOnlyPaths']} {own}",
        "BindPaths": others["BindPaths"],
        "TemporaryFileSystem": behind and str(scene.root),
    }
    scene.mend("SVC012")
    lines = [
        "[Service]",
        "BindPaths=",
        # What is shown without an option is not recursive; written without one it would be.
        f"BindPaths=/mnt/big:/srv/models:rbind -/mnt/a:/mnt/b:norbind {own}",
        "BindReadOnlyPaths=/etc/ssl:/etc/ssl:rbind",
    ]
    assert settings(drop_in(scene, "sandbox")) == lines
    assert set(bound(scene)["BindPaths"]) > {"/mnt/big:/srv/models:rbind", own}
    scene.properties = after(scene)
    scene.gone(["SVC012"])


def test_mounts_of_an_earlier_repair_are_written_anew(scene: Scene) -> None:
    own = str(scene.directory)
    scene.properties = {"TemporaryFileSystem": str(scene.root)}
    scene.mend("SVC012")
    assert settings(drop_in(scene, "sandbox")) == ["[Service]", f"BindPaths=-{own}"]
    scene.properties = {
        "BindPaths": "/mnt:/media:rbind",
        "BindReadOnlyPaths": f"/etc/ssl:/etc/ssl:rbind -{own}:{own}:rbind",
    }
    scene.mend("SVC012")
    lines = [
        "[Service]",
        "BindPaths=",
        f"BindPaths=/mnt:/media:rbind -{own}:{own}:rbind",
        "BindReadOnlyPaths=/etc/ssl:/etc/ssl:rbind",
    ]
    assert settings(drop_in(scene, "sandbox")) == lines


def test_mounts_that_cannot_be_written_anew_are_left_to_people(scene: Scene) -> None:
    own = str(scene.directory)
    scene.properties = {
        "BindPaths": "/mnt/My Data:/srv/models:rbind",
        "BindReadOnlyPaths": f"{own}:{own}:rbind",
    }
    with pytest.raises(CannotFix, match="by hand"):
        scene.draft("SVC012")


def test_a_cache_that_is_not_there_is_left_to_people(scene: Scene) -> None:
    text = "network:\n  port: 5000\nmodel:\n  model_name: m\n"
    scene.write(scene.directory / "config.yml", text)
    scene.instance_changes = {"environment": {"TRITON_CACHE_DIR": "/x/../cache/triton"}}
    scene.properties = {"ProtectSystem": "strict"}
    words = "takes away /cache/triton; set TRITON_CACHE_DIR= to a directory below"
    assert words in scene.draft("SVC012").manual[0]
    scene.properties |= {"ReadWritePaths": str(scene.directory)}
    with pytest.raises(CannotFix, match=words):
        scene.draft("SVC012")


def test_a_cache_that_is_there_is_opened_alone(scene: Scene) -> None:
    text = "network:\n  port: 5000\nmodel:\n  model_name: m\n"
    scene.write(scene.directory / "config.yml", text)
    cache = scene.root / "cache/triton"
    cache.mkdir(parents=True)
    scene.instance_changes = {
        "environment": {"TRITON_CACHE_DIR": f"{scene.root}/x/../cache/triton"}
    }
    scene.properties = {"ProtectSystem": "strict", "ReadWritePaths": str(scene.directory)}
    scene.mend("SVC012")
    assert settings(drop_in(scene, "sandbox")) == ["[Service]", f"ReadWritePaths=-{cache}"]
    scene.properties = after(scene)
    scene.gone(["SVC012"])


def test_a_list_that_cannot_be_written_anew_is_left_to_people(scene: Scene) -> None:
    scene.properties = {"InaccessiblePaths": f"/mnt/My Data {scene.directory}"}
    with pytest.raises(CannotFix) as refused:
        scene.draft("SVC012")
    assert refused.value.manual == "sudo systemctl edit tabbyapi.service"


def test_a_unit_of_a_user_manager_keeps_it_at_home(scene: Scene) -> None:
    home = scene.root / "home"
    scene.properties = {"ProcSubset": "pid"}
    unit = scene.unit
    user = scene.instance.user
    assert user is not None
    scene.instance_changes = {
        "unit": replace(unit, user_manager=True, owner="tabby"),
        "user": replace(user, home=str(home)),
    }
    home.mkdir()
    scene.mend("SVC012")
    path = home / ".config/systemd/user/tabbyapi.service.d/zz-tabbydoctor-sandbox.conf"
    assert settings(path) == ["[Service]", "ProcSubset=all"]
    assert path.stat().st_uid == user.uid


def test_nixos_is_told_the_lines(scene: Scene) -> None:
    scene.properties = {**HARD}
    scene.machine = replace(scene.machine, nixos=True)
    with pytest.raises(CannotFix, match=r"configuration\.nix") as refused:
        scene.draft("SVC012")
    line = 'systemd.services.tabbyapi.serviceConfig.MemoryDenyWriteExecute = lib.mkForce "no";'
    assert refused.value.manual.splitlines()[0] == line


def test_nixos_is_told_the_list_without_it(scene: Scene) -> None:
    scene.machine = replace(scene.machine, nixos=True)
    scene.properties = {"ReadOnlyPaths": f"/srv {scene.directory}"}
    with pytest.raises(CannotFix) as refused:
        scene.draft("SVC012")
    line = 'systemd.services.tabbyapi.serviceConfig.ReadOnlyPaths = lib.mkForce [ "/srv" ];'
    assert refused.value.manual.splitlines() == [line, "# then: sudo nixos-rebuild switch"]


def test_nixos_is_told_all_mounts(scene: Scene) -> None:
    scene.machine = replace(scene.machine, nixos=True)
    own = str(scene.directory)
    scene.properties = {"BindPaths": "/mnt:/media:rbind", "BindReadOnlyPaths": f"{own}:{own}:rbind"}
    with pytest.raises(CannotFix) as refused:
        scene.draft("SVC012")
    start = "systemd.services.tabbyapi.serviceConfig"
    assert refused.value.manual.splitlines()[:-1] == [
        f'{start}.BindPaths = lib.mkForce [ "/mnt:/media:rbind" "{own}:{own}:rbind" ];',
        f"{start}.BindReadOnlyPaths = lib.mkForce [ ];",
    ]
