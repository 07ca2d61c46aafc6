"""The show of `tabbydoctor demo`: the fault of the notes found, repaired, proven, taken back."""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.error
import urllib.request

from tabbydoctor import plugins
from tabbydoctor.demo.deployment import DemoDeployment, DemoError, demo_deployment
from tabbydoctor.diagnosis.report import Report
from tabbydoctor.examination import examine
from tabbydoctor.fixing.run import Fix
from tabbydoctor.host.local import LocalHost
from tabbydoctor.invocation import invocation
from tabbydoctor.remedies.outcome import FixResult
from tabbydoctor.remedies.request import STRATEGIES, FixRequest, Strategy
from tabbydoctor.repair.engine import State, open_state
from tabbydoctor.reports import Reporter
from tabbydoctor.reports.leaving import leaving
from tabbydoctor.reports.outline import outline, verdict
from tabbydoctor.reports.redacted import redacted
from tabbydoctor.targets import Targets

# The fault that is built in: neither the router's probe nor its forwarded requests send a key,
# so the router reports TabbyAPI down.
FAULT = {"RTR001", "RTR002", "RTR010"}
WAYS = tuple(one for one in STRATEGIES if one != "front")
"""The strategies that it shows; a front needs systemd and a program that may not be there."""
_REQUEST = {"model": "nobody-has-this", "messages": [{"role": "user", "content": "hi"}]}


def show() -> None:
    """Set up, check, repair in each way, take back, clean up. Raises DemoError if it went wrong."""
    with demo_deployment() as demo:
        _say(
            f"A stand-in TabbyAPI answers at {demo.url} and asks for a key.",
            f"A router in front of it, {demo.router},",
            "sends none: its health check gets 401, and TabbyAPI never becomes ready.",
            "",
            "$ tabbydoctor check",
            "",
        )
        report = _check(demo)
        _reporter().write(report, sys.stdout, verbose=False)
        _expect(report, FAULT)
        for strategy in WAYS:
            _repair(demo, strategy)
    _say("", f"That was the demo: all of it is gone again. For real:\n{invocation('check')}")


def _repair(demo: DemoDeployment, strategy: Strategy) -> None:
    """One strategy: fix, check, a request through the router, undo, and the fault is back."""
    _say("", f"$ tabbydoctor fix --auth --strategy {strategy} --yes")
    state = open_state(str(demo.state))
    result = _fix(demo, state, strategy)
    for change in result.prepared.plan.files:
        _say(f"  {change.kind} {change.path}")
    for note in result.prepared.notes:
        _say(f"  - {note}")
    # No systemd here: what a unit's restart would do is done by hand.
    key = _api_key(demo) if strategy == "router-env" else ""
    _restart(demo, strategy, {"TABBY_API_KEY": key} if key else {})
    _say("$ tabbydoctor check")
    report = _check(demo)
    _say(f"  {verdict(outline(report))}")
    _expect(report, set())
    _say(f"  a request through the router: {_forwarded(demo)}")
    sent = {name.lower() for headers in demo.backend.headers for name in headers}
    if sent & {"authorization", "x-api-key"}:
        raise DemoError("the other backend was sent a key")
    _say("  the other backend was sent no key")
    _say("$ tabbydoctor undo")
    state.undo()
    _restart(demo, strategy, {})
    report = _check(demo)
    _say(f"  {verdict(outline(report))}")
    _expect(report, FAULT)


def _fix(demo: DemoDeployment, state: State, strategy: Strategy) -> FixResult:
    request = FixRequest(strategy, auth=True)
    fix = Fix(LocalHost, _targets(demo), request, state, lambda _: True, lambda _: None)
    return fix.run()


def _restart(demo: DemoDeployment, strategy: Strategy, environment: dict[str, str]) -> None:
    if strategy == "disable-auth":
        demo.tabbyapi.restart()
    else:
        demo.router_program.restart(environment)


def _api_key(demo: DemoDeployment) -> str:
    text = (demo.directory / "api_tokens.yml").read_text()
    return text.partition("api_key: ")[2].partition("\n")[0]


def _forwarded(demo: DemoDeployment) -> str:
    """The status of a request through the router. Raises DemoError where it is 401."""
    request = urllib.request.Request(
        f"{demo.router_url}/v1/chat/completions",
        json.dumps(_REQUEST).encode(),
        {"Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        status = int(opener.open(request, timeout=10).status)
    except urllib.error.HTTPError as error:
        status = error.code
        error.close()
    if status == 401:
        raise DemoError("a request through the router still ends in 401")
    return f"{status}, no auth error (no model is loaded here)"


def _check(demo: DemoDeployment) -> Report:
    report = asyncio.run(examine(LocalHost(), _targets(demo), plugins.checks(), time_limit=10))
    return redacted(report)


def _targets(demo: DemoDeployment) -> Targets:
    return Targets(dir=str(demo.directory), url=demo.url, router=str(demo.router))


def _expect(report: Report, ids: set[str]) -> None:
    faults = {one.check.id for one in report.results if one.status in ("failed", "warning")}
    if faults != ids:
        raise DemoError(f"the doctor named {sorted(faults)}, not {sorted(ids)}")


def _reporter() -> Reporter:
    return next(one for one in plugins.reporters() if one.name == "text")


def _say(*lines: str) -> None:
    sys.stdout.write(leaving("\n".join(lines)) + "\n")
    sys.stdout.flush()
