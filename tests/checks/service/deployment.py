"""A unit as `systemctl show` prints it (systemd 252), and instances around it."""

from __future__ import annotations

from tabbydoctor.deployment.parts import Instance, RouterSite
from tabbydoctor.deployment.unit import Unit, UnitFile
from tabbydoctor.diagnosis.check import Check
from tabbydoctor.diagnosis.finding import Finding
from tabbydoctor.host import Account
from tabbydoctor.tabbyapi.log import LogLine, RunLog

HEALTHY = {
    "Id": "tabbyapi.service",
    "LoadState": "loaded",
    "ActiveState": "active",
    "SubState": "running",
    "Result": "success",
    "UnitFileState": "enabled",
    "NeedDaemonReload": "no",
    "MainPID": "114",
    "NRestarts": "0",
    "ExecMainPID": "114",
    "ExecMainCode": "0",
    "ExecMainStatus": "0",
    "ExecMainStartTimestampMonotonic": "1648779060",
    "WantedBy": "multi-user.target",
    "RequiredBy": "",
    "TriggeredBy": "",
    "User": "tabby",
    "WorkingDirectory": "/srv/tabby",
    "Environment": 'TABBY_LOG_CONSOLE_WIDTH=200 "TOKENIZERS_PARALLELISM=false"',
    "ProtectSystem": "no",
    "ProtectHome": "no",
    "PrivateTmp": "no",
    "DynamicUser": "no",
    "MemoryDenyWriteExecute": "no",
    "ProcSubset": "all",
    "ReadWritePaths": "",
}
FAILED = {"ActiveState": "failed", "SubState": "failed", "Result": "exit-code", "ExecMainCode": "1"}
STOPPED = {"ActiveState": "inactive", "SubState": "dead", "MainPID": "0"}
TABBY = Account("tabby", 61001, 61001, "/srv/tabby", "/usr/sbin/nologin", (61001,))


def unit(
    name: str = "tabbyapi.service",
    text: str = "[Service]\nExecStart=/srv/tabby/venv/bin/python main.py\n",
    **properties: str,
) -> Unit:
    file = UnitFile(f"/etc/systemd/system/{name}", text)
    shown = {**HEALTHY, "Id": name, **properties}
    return Unit(name, shown, (file,))


def instance(**properties: str) -> Instance:
    return Instance("/srv/tabby", unit=unit(**properties), user=TABBY)


def router(**properties: str) -> RouterSite:
    return RouterSite("/srv/router.py", "python", unit=unit("llm-router.service", **properties))


def log(*lines: str, present: bool = False) -> RunLog:
    source = "journalctl _SYSTEMD_INVOCATION_ID=d6623d26007b45b683b03c3a9cc46997"
    return RunLog(source, tuple(LogLine(line) for line in lines), present=present)


def judge(check: Check, *facts: object) -> list[Finding]:
    found = list(check.judge(*facts))
    for finding in found:
        assert "secret" not in repr(finding).replace("unit-exposes-secret", "")
        assert not finding.title.endswith(".")
    return found
