"""SVC006: the server that runs is not the unit's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checks.service.unit_not_enabled import unit_not_enabled
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.diagnosis.finding import Severity
from tabbydoctor.facts import Absent
from tabbydoctor.host import Process

from .deployment import STOPPED, instance, judge

SYSTEMD = Machine(systemd=True)
HAND = Process(134, ("python", "main.py"), cwd="/srv/tabby")


def test_a_server_started_by_hand_is_not_the_units() -> None:
    by_hand = replace(instance(**STOPPED), process=HAND)
    (finding,) = judge(unit_not_enabled, by_hand, None, None, SYSTEMD)
    assert finding.title == "TabbyAPI runs as process 134, which is not tabbyapi.service's"
    assert "started by hand" in finding.detail
    assert finding.remedies[0].commands == (
        "sudo kill 134",
        "sudo systemctl restart tabbyapi.service",
    )
    stopped = {**STOPPED, "UnitFileState": "disabled", "WantedBy": ""}
    both = judge(unit_not_enabled, replace(instance(**stopped), process=HAND), None, None, SYSTEMD)
    assert [one.title for one in both][1:] == ["tabbyapi.service is not started at boot"]


def test_the_units_own_process_is_not_by_hand() -> None:
    for process in (HAND, replace(HAND, pid=114), replace(HAND, unit="tabbyapi.service")):
        own = replace(instance(MainPID=str(process.pid)), process=process)
        assert judge(unit_not_enabled, own, None, None, SYSTEMD) == []
    routers = replace(HAND, unit="llm-router.service")
    beside = replace(instance(**STOPPED), process=routers)
    assert judge(unit_not_enabled, beside, None, None, SYSTEMD) == []


def test_started_by_hand_without_any_unit_is_a_remark() -> None:
    (finding,) = judge(unit_not_enabled, Instance("/srv", process=HAND), None, None, SYSTEMD)
    assert finding.severity is Severity.INFO
    no_systemd = Machine(systemd=False)
    for one, machine in (
        (Instance("/srv"), SYSTEMD),
        (Instance("/srv", process=HAND), no_systemd),
        (Instance("/srv", process=HAND, container="docker 1"), SYSTEMD),
        (Instance("/srv", process=replace(HAND, unit="llm.service")), SYSTEMD),
    ):
        with pytest.raises(Absent):
            judge(unit_not_enabled, one, None, None, machine)
