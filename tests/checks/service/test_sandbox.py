"""SVC012: what is told first, how grave it is, where it stands, and what is to be written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checks.service.unit_sandbox import unit_sandbox
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.deployment.unit import Unit, UnitFile
from tabbydoctor.diagnosis.finding import Finding, Severity

from .deployment import FAILED, instance, judge

SANDBOXED = "/etc/systemd/system/tabbyapi.service.d/hard.conf"
RESTARTING = {"ActiveState": "activating", "SubState": "auto-restart", "Result": "exit-code"}
NIXOS = Machine(systemd=True, nixos=True)


def hardened(*lines: str, path: str = SANDBOXED, **properties: str) -> Instance:
    """An instance with a drop-in of these lines."""
    one = instance(**properties)
    assert isinstance(one.unit, Unit)
    file = UnitFile(path, "\n".join(("[Service]", *lines, "")))
    return replace(one, unit=replace(one.unit, files=(*one.unit.files, file)))


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
        "printf '%s\\n' '[Service]' ReadOnlyPaths= ReadOnlyPaths=/opt | sudo tee "
        "/etc/systemd/system/tabbyapi.service.d/zz-ReadOnlyPaths.conf",
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
