"""The show of `tabbydoctor demo`: the fault of the notes, found for real."""

from __future__ import annotations

import asyncio
import sys

from tabbydoctor import plugins
from tabbydoctor.demo.deployment import DemoDeployment, DemoError, demo_deployment
from tabbydoctor.diagnosis.report import Report
from tabbydoctor.examination import examine
from tabbydoctor.host.local import LocalHost
from tabbydoctor.reports import Reporter
from tabbydoctor.reports.redacted import redacted
from tabbydoctor.targets import Targets

# The fault that is built in: neither the router's probe nor its forwarded requests send a key,
# so the router reports TabbyAPI down.
EXPECTED = {"RTR001", "RTR002", "RTR010"}
TIME_LIMIT = 10.0
"""Seconds for each check."""


def show() -> None:
    """Set up, check, clean up. Raises DemoError when the doctor named anything else."""
    with demo_deployment() as deployment:
        _say(
            f"A stand-in TabbyAPI answers at {deployment.url} and asks for a key.",
            f"A router in front of it, {deployment.router},",
            "sends none: its health check gets 401, and TabbyAPI never becomes ready.",
            "",
            "$ tabbydoctor check",
            "",
        )
        report = redacted(_check(deployment))
        _reporter().write(report, sys.stdout, verbose=False)
    faults = {one.check.id for one in report.results if one.status in ("failed", "warning")}
    if faults != EXPECTED:
        raise DemoError(f"the doctor named {sorted(faults)}, not {sorted(EXPECTED)}")
    _say("", "That was the demo: all of it is gone again. For real: tabbydoctor check")


def _check(deployment: DemoDeployment) -> Report:
    targets = Targets(
        dir=str(deployment.directory), url=deployment.url, router=str(deployment.router)
    )
    return asyncio.run(examine(LocalHost(), targets, plugins.checks(), time_limit=TIME_LIMIT))


def _reporter() -> Reporter:
    return next(one for one in plugins.reporters() if one.name == "text")


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
