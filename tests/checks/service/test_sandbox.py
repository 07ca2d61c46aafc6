"""SVC012: what is told first, how grave it is, where it stands, and what is to be written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from checks.service.unit_sandbox import unit_sandbox
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.deployment.sandbox import lifted
from tabbydoctor.deployment.unit import Unit, UnitFile
from tabbydoctor.diagnosis.finding import Finding, Safety, Severity
from tabbydoctor.facts import Absent
from tabbydoctor.host.local import LocalHost
from tabbydoctor.tabbyapi.config import EffectiveConfig, Origin, Setting
from tabbydoctor.tabbyapi.sandbox_needs import TritonCache, harms, triton_cache
from tabbydoctor.tabbyapi.sandbox_opening import opening

from .deployment import FAILED, TABBY, instance, judge

SANDBOXED = "/etc/systemd/system/tabbyapi.service.d/hard.conf"
RESTARTING = {"ActiveState": "activating", "SubState": "auto-restart", "Result": "exit-code"}
NIXOS = Machine(systemd=True, nixos=True)


def hardened(*lines: str, path: str = SANDBOXED, **properties: str) -> Instance:
    """An instance with a drop-in of these lines."""
    one = instance(**properties)
    assert isinstance(one.unit, Unit)
    file = UnitFile(path, "\n".join(("[Service]", *lines, "")))
    return replace(one, unit=replace(one.unit, files=(*one.unit.files, file)))


def loading() -> EffectiveConfig:
    """A configuration that loads a model at the start."""
    name = Setting("model", "model_name", "m", Origin("default", "default"))
    return EffectiveConfig("/srv/tabby", {("model", "model_name"): name})


def found(one: Instance, machine: Machine | None = None) -> list[Finding]:
    return judge(unit_sandbox, one, None, machine or Machine(systemd=True))


HARD = {"MemoryDenyWriteExecute": "yes", "ProcSubset": "pid", "ReadOnlyPaths": "/opt /srv/tabby"}


@pytest.mark.parametrize("down", [FAILED, RESTARTING])
def test_what_stops_tabbyapi_comes_first_and_is_an_error(down: dict[str, str]) -> None:
    first, *others = found(instance(**HARD, **down))
    assert first.title == "ReadOnlyPaths=/srv/tabby of tabbyapi.service stops TabbyAPI"
    assert first.severity is Severity.ERROR
    assert [one.severity for one in others] == [None, None]


def test_what_only_may_stop_it_stays_a_warning() -> None:
    first, *_ = found(instance(**HARD))
    assert first.title.startswith("ReadOnlyPaths=")
    assert first.severity is None
    (finding,) = found(instance(MemoryDenyWriteExecute="yes", **FAILED))
    assert finding.severity is None


def test_evidence_names_the_line() -> None:
    lines = ("ReadOnlyPaths=/opt", "ReadOnlyPaths=-/srv/tabby", "ProcSubset=pid")
    paths = {"ReadOnlyPaths": "/opt -/srv/tabby", "ProcSubset": "pid"}
    first, second = found(hardened(*lines, **paths))
    assert first.evidence[0].source == f"{SANDBOXED}:3"
    assert second.evidence[0].source == f"{SANDBOXED}:4"
    (implied,) = found(instance(DynamicUser="yes"))
    assert implied.evidence[0].source.startswith("systemctl show")


def test_on_the_same_path_the_list_is_emptied_first() -> None:
    (finding,) = found(instance(ReadOnlyPaths="/opt -/srv/tabby", **FAILED))
    by_hand, by_doctor = finding.remedies
    assert by_hand.commands == (
        "sudo mkdir -p /etc/systemd/system/tabbyapi.service.d",
        "printf '%s\\n' '[Service]' ReadOnlyPaths= ReadOnlyPaths=/opt | sudo tee -a "
        "/etc/systemd/system/tabbyapi.service.d/zz-tabbydoctor-sandbox.conf",
        "sudo systemctl daemon-reload",
        "sudo systemctl reset-failed tabbyapi.service",
        "sudo systemctl restart tabbyapi.service",
    )
    assert by_doctor.commands == ("sudo tabbydoctor fix SVC012",)


def test_each_finding_has_the_lines_of_its_own_setting() -> None:
    one = instance(ReadOnlyPaths="/srv/tabby", InaccessiblePaths="/opt/models /opt/tabby")
    one = replace(one, program="/opt/tabby")
    written = {
        finding.title.split("=")[0]: finding.remedies[0].commands[1] for finding in found(one)
    }
    assert "'[Service]' ReadOnlyPaths= |" in written["ReadOnlyPaths"]
    kept = "'[Service]' InaccessiblePaths= InaccessiblePaths=/opt/models |"
    assert kept in written["InaccessiblePaths"]


def test_a_hidden_home_is_opened_no_further_than_needed() -> None:
    at_home = replace(instance(ProtectHome="yes"), directory="/home/tabby/TabbyAPI")
    (finding,) = found(at_home)
    assert (
        "'[Service]' ProtectHome=read-only ReadWritePaths=-/home/tabby/TabbyAPI |"
        in finding.remedies[0].commands[1]
    )


def test_homes_are_not_what_a_strict_system_protects() -> None:
    """As systemd does it: ProtectHome= alone decides over them."""
    one = replace(instance(ProtectSystem="strict"), directory="/home/tabby/TabbyAPI")
    assert found(one) == []
    both = instance(ProtectSystem="strict", ProtectHome="tmpfs")
    assert len(found(replace(both, directory="/home/tabby/TabbyAPI"))) == 1


def opened(one: Instance, cache_exists: bool = False) -> list[str]:
    """The lines of a drop-in that undoes all harm, where a model is loaded."""
    assert isinstance(one.unit, Unit)
    found = opening(one, one.unit, loading(), cache_exists=cache_exists)
    return ["=".join(setting) for setting in found.settings]


def test_homes_behind_an_empty_file_system_stay_hidden() -> None:
    home = replace(TABBY, home="/home/tabby")
    python = "/home/tabby/venvs/tabby/bin/python3.11"
    one = replace(instance(ProtectHome="tmpfs"), directory="/home/tabby/TabbyAPI", python=python)
    binds = ["BindPaths=-/home/tabby/TabbyAPI", "BindPaths=-/home/tabby/venvs/tabby"]
    assert opened(one) == binds
    with_cache = [*binds, "BindPaths=-/home/tabby/.triton"]
    assert opened(replace(one, user=home), cache_exists=True) == with_cache
    (finding,) = found(one)
    lines = f"'[Service]' {' '.join(binds)} |"
    assert lines in finding.remedies[0].commands[1]
    at_root = replace(instance(ProtectHome="tmpfs", DynamicUser="yes"), directory="/root")
    assert opened(at_root) == ["BindPaths=-/root"]


OUTSIDE = [
    ({"HOME": "/nonexistent"}, "/nonexistent/.triton", "ProtectSystem=strict"),
    ({"TRITON_CACHE_DIR": "/opt/triton"}, "/opt/triton", "ProtectSystem=strict"),
    ({"TRITON_CACHE_DIR": "/var/cache/"}, "/var/cache", "ProtectSystem=strict"),
    ({"TRITON_CACHE_DIR": "//x/../cache/triton"}, "/cache/triton", "ProtectSystem=strict"),
    ({"HOME": "/root"}, "/root/.triton", "ProtectHome=read-only"),
]


@pytest.mark.parametrize(("environment", "cache", "setting"), OUTSIDE)
def test_a_cache_is_opened_itself_or_not_at_all(
    environment: dict[str, str], cache: str, setting: str
) -> None:
    hard = {"ProtectSystem": "strict", "ProtectHome": "read-only", "ReadWritePaths": "/srv/tabby"}
    one = replace(instance(**hard), environment=environment)
    assert opened(one, cache_exists=True) == [f"ReadWritePaths=-{cache}"]
    assert opened(one) == []
    (finding,) = judge(unit_sandbox, one, loading(), Machine(systemd=True))
    assert finding.title.startswith(setting)
    assert cache in finding.detail
    (remedy,) = finding.remedies
    assert remedy.title == "Set TRITON_CACHE_DIR= to a directory below the working directory"
    assert remedy.safety is Safety.MANUAL


def test_beside_a_cache_that_is_not_there_the_rest_is_opened() -> None:
    one = replace(instance(ProtectSystem="strict"), environment={"HOME": "/nonexistent"})
    (finding,) = judge(unit_sandbox, one, loading(), Machine(systemd=True))
    drop_in, _, by_hand = finding.remedies
    assert drop_in.title == "Open /srv/tabby to it, by a drop-in"
    assert "'[Service]' ReadWritePaths=-/srv/tabby |" in drop_in.commands[1]
    assert by_hand.title.startswith("Set TRITON_CACHE_DIR=")
    below = replace(one, environment={"TRITON_CACHE_DIR": "/srv/tabby/.triton"})
    assert opened(below) == ["ReadWritePaths=-/srv/tabby"]


def test_a_hidden_home_has_no_room_for_a_cache() -> None:
    one = replace(instance(ProtectHome="yes"), environment={"HOME": "/home/tabby"})
    assert opened(one, cache_exists=True) == [
        "ProtectHome=read-only",
        "ReadWritePaths=-/home/tabby/.triton",
    ]
    (finding,) = judge(unit_sandbox, one, loading(), Machine(systemd=True))
    assert "is hidden from it" in finding.detail
    assert [remedy.safety for remedy in finding.remedies] == [Safety.MANUAL]


@pytest.mark.parametrize("home", ["yes", "read-only"])
def test_a_whole_home_is_not_opened_for_all(home: str) -> None:
    """On the same path read-only wins, and no other home is to be opened."""
    at_root = replace(instance(ProtectHome=home), directory="/root")
    assert opened(at_root) == []
    (finding,) = found(at_root)
    assert [remedy.title for remedy in finding.remedies] == [f"Lift ProtectHome={home} by hand"]


@pytest.mark.parametrize("directory", ["/srv/x/../tabby", "//srv/tabby", "/srv/tabby/"])
def test_a_path_is_the_same_however_it_is_written(directory: str) -> None:
    one = replace(instance(ReadOnlyPaths="/"), directory=directory)
    assert opened(one) == ["ReadWritePaths=-/srv/tabby"]


def test_nothing_is_opened_twice() -> None:
    one = instance(ReadOnlyPaths="/srv")
    assert isinstance(one.unit, Unit)
    (rule,) = harms(one, one.unit, None)
    once = lifted(one.unit, rule, ["/srv/tabby"])
    assert once is not None
    assert lifted(once, rule, ["/srv/tabby"]) is None


def test_triton_cache_is_looked_for(tmp_path: Path) -> None:
    one = replace(instance(), environment={"TRITON_CACHE_DIR": f"{tmp_path}/a/../triton"})
    assert triton_cache(LocalHost(), one) == TritonCache(f"{tmp_path}/triton", exists=False)
    (tmp_path / "triton").mkdir()
    assert triton_cache(LocalHost(), one) == TritonCache(f"{tmp_path}/triton", exists=True)
    with pytest.raises(Absent):
        triton_cache(LocalHost(), replace(one, environment={}, user=None))


def test_of_one_path_what_systemd_lets_win() -> None:
    bound = {"TemporaryFileSystem": "/srv/tabby", "BindPaths": "/data:/srv/tabby:rbind"}
    assert found(instance(**bound)) == []
    (finding,) = found(instance(BindPaths="/data:/srv/tabby:rbind", ReadOnlyPaths="/srv/tabby"))
    assert "read-only" in finding.detail


@pytest.mark.parametrize(
    ("properties", "line"),
    [
        ({"ReadOnlyPaths": "/srv/tabby"}, "ReadOnlyPaths = lib.mkForce [ ];"),
        ({"ReadOnlyPaths": "/opt /srv/tabby"}, 'ReadOnlyPaths = lib.mkForce [ "/opt" ];'),
        ({"ProtectSystem": "strict"}, 'ReadWritePaths = [ "-/srv/tabby" ];'),
        ({"ProcSubset": "pid"}, 'ProcSubset = lib.mkForce "all";'),
    ],
)
def test_on_nixos_it_is_a_line_of_nix(properties: dict[str, str], line: str) -> None:
    (finding,) = found(instance(**properties), NIXOS)
    (remedy,) = finding.remedies
    assert remedy.nix == (f"systemd.services.tabbyapi.serviceConfig.{line}",)


def test_on_nixos_a_cache_has_a_line_of_nix() -> None:
    hard = {"ProtectSystem": "strict", "ReadWritePaths": "/srv/tabby"}
    one = replace(instance(**hard), environment={"HOME": "/nonexistent"})
    (finding,) = judge(unit_sandbox, one, loading(), NIXOS)
    (remedy,) = finding.remedies
    line = 'systemd.services.tabbyapi.environment.TRITON_CACHE_DIR = "/srv/tabby/.triton";'
    assert remedy.nix == (line,)


def test_what_a_drop_in_cannot_say_is_left_to_people() -> None:
    (finding,) = found(instance(InaccessiblePaths="/mnt/My Data /srv/tabby"))
    (remedy,) = finding.remedies
    assert remedy.title == "Lift InaccessiblePaths=/srv/tabby by hand"
    assert remedy.commands[0] == "sudo systemctl edit tabbyapi.service"


def test_what_beats_configuration_nix_has_to_go() -> None:
    path = "/run/systemd/system/tabbyapi.service.d/x.conf"
    (finding,) = found(hardened("ProcSubset=pid", path=path, ProcSubset="pid"), NIXOS)
    assert finding.remedies[0].title.startswith(f"Take ProcSubset= out of {path}:2; lift ")


def test_a_sandbox_of_a_users_manager_proves_nothing() -> None:
    one = instance(ReadOnlyPaths="/srv/tabby", **FAILED)
    assert isinstance(one.unit, Unit)
    (finding,) = found(replace(one, unit=replace(one.unit, user_manager=True, owner="tabby")))
    assert finding.severity is None
