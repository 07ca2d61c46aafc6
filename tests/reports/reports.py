"""Reports made up for the tests of the formats."""

from __future__ import annotations

import dataclasses
from typing import Any

from tabbydoctor import plugins
from tabbydoctor.diagnosis.check import Check, first_sentence
from tabbydoctor.diagnosis.finding import Evidence, Finding, Remedy, Safety, Severity
from tabbydoctor.diagnosis.report import CheckResult, Report, Root, Status

DEPLOYMENT: dict[str, Any] = {
    "dir": "/opt/tabbyapi",
    "config_files": ["/opt/tabbyapi/config.yml"],
    "tokens_file": "/opt/tabbyapi/api_tokens.yml",
    "unit": "tabbyapi.service",
    "user": "tabby",
    "url": "http://127.0.0.1:5000",
    "router": {"path": "/opt/router/router.py", "unit": "router.service", "kind": "python"},
}
_STATUS: dict[Severity, Status] = {
    Severity.ERROR: "failed",
    Severity.WARNING: "warning",
    Severity.INFO: "info",
}


def check(id: str, name: str = "a-name", **more: Any) -> Check:
    page = more.pop("page", "A page.")
    given: dict[str, Any] = {"category": "config", "severity": Severity.ERROR}
    known = next((check for check in plugins.checks() if check.id == id), None)
    given |= {"cure": known.cure, "tags": known.tags} if known else {}

    def judge() -> list[Finding]:
        return []

    judge.__doc__ = page
    summary = first_sentence(page)
    return Check(id, name, judge=judge, summary=summary, **{**given, **more})


def result(
    id: str, *findings: Finding, status: Status = "passed", reason: str | None = None
) -> CheckResult:
    if findings:
        status = _STATUS[findings[0].severity or Severity.ERROR]
    return CheckResult(check(id), status, reason, findings, duration_ms=3)


def fault(title: str, severity: Severity = Severity.ERROR, **more: Any) -> Finding:
    return Finding(title, severity=severity, **{"caused_by": (), **more})


def report(*results: CheckResult, roots: tuple[Root, ...] = (), **more: Any) -> Report:
    made = Report(
        version="0.1.0",
        started_at="2025-03-01T03:00:00.000+00:00",
        duration_ms=120,
        deployment=DEPLOYMENT,
        results=results,
        roots=roots,
        exit_code=int(any(one.status == "failed" for one in results)),
    )
    return dataclasses.replace(made, **more)


HEALTHY = report(
    *(result(f"CFG{number:03}") for number in range(1, 6)),
    result("RTR001", status="skipped", reason="no router was found"),
    result("RTR002", status="skipped", reason="no router was found"),
)

AUTH = fault(
    "auth.disable in /opt/tabbyapi/config.yml has no effect",
    detail="TabbyAPI knows no section `auth`, so it still asks for a key.",
    evidence=(
        Evidence("/opt/tabbyapi/config.yml:12", "network.disable_auth: true", "auth.disable: true"),
    ),
    remedies=(Remedy("let the router send the key", Safety.SAFE, ("tabbydoctor fix --auth",)),),
)
CONSEQUENCES = tuple(
    fault(f"consequence {number}", caused_by=("CFG004",), evidence=(Evidence(f"/file:{number}"),))
    for number in range(1, 6)
)
ONE_ROOT = report(
    result("CFG004", AUTH),
    *(result(f"RTR{number:03}", one) for number, one in enumerate(CONSEQUENCES, start=1)),
    result("CFG001"),
    roots=(Root("CFG004", tuple(f"RTR{number:03}" for number in range(1, 6)), AUTH.title),),
)
TWO_ROOTS = report(
    result("TOK004", fault("bob can read api_tokens.yml", Severity.WARNING)),
    result("GPU001", fault("no NVIDIA driver is loaded")),
    result("CFG011", fault("config.yml will be rewritten", Severity.INFO, detail="At next start.")),
    roots=(Root("GPU001", (), "no driver"), Root("TOK004", (), "readable")),
)
OPEN = report(
    result("CFG001"),
    result("GRP001", status="unknown", reason="run as root to read /dev/nvidia0's ACL"),
    result("GRP002", status="unknown", reason="run as root to read /dev/nvidia0's ACL"),
    result("SVC011", status="crashed", reason="ValueError: boom"),
)
EMPTY = report(deployment={})
EVERY = {
    "healthy": HEALTHY,
    "one root": ONE_ROOT,
    "two roots": TWO_ROOTS,
    "open": OPEN,
    "empty": EMPTY,
}


def hostile(value: str) -> Report:
    """A report with a value wherever one can come from outside."""
    finding = fault(
        value,
        detail=value,
        evidence=(Evidence(value, value, value),),
        remedies=(Remedy(value, Safety.MANUAL, (f"cat '{value}'", value)),),
    )
    return report(
        result("CFG010", finding),
        result("CFG011", fault(value, Severity.WARNING, caused_by=("CFG010",))),
        result("SVC011", status="crashed", reason=value),
        result("GRP001", status="unknown", reason=value),
        result("GRP002", status="skipped", reason=value),
        result("CFG012", fault(value, Severity.INFO)),
        roots=(Root("CFG010", ("CFG011",), value),),
        deployment={"dir": value, "unit": value, "router": {"path": value}},
        notes=(value,),
    )
