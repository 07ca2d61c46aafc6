"""RTR010 and RTR012: the router's unit, what it reports, and its other backends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checks.router.backend import backend
from checks.router.unready import unready
from tabbydoctor.api import Severity, Unknown
from tabbydoctor.deployment.parts import RouterSite, Units
from tabbydoctor.deployment.unit import EnvironmentFile, Unit
from tabbydoctor.host.data import HttpAnswer
from tabbydoctor.routers.site.health import BackendState, HealthState, RouterBackends, RouterHealth

from .scene import endpoint, judge, read, reading, silent, site

ROUTER = "http://127.0.0.1:8002"
ANSWERED = HttpAnswer(f"{ROUTER}/health", status=200)
LLAMA = "http://127.0.0.1:8085"


def test_the_unit() -> None:
    assert not judge(unready, site(), None, None)
    (failed,) = judge(unready, site(ActiveState="failed"), None, None)
    assert failed.severity is Severity.ERROR
    (resting,) = judge(unready, site(ActiveState="inactive", UnitFileState="disabled"), None, None)
    assert resting.severity is Severity.WARNING


def test_a_unit_between_two_attempts_is_not_starting_well() -> None:
    again = site(ActiveState="activating", SubState="auto-restart", UnitFileState="enabled")
    (finding,) = judge(unready, again, None, None)
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ({"ExecMainStatus": "243"}, "243/CREDENTIALS: a file of LoadCredential= is missing"),
        ({"Result": "resources"}, "resources: systemd could not set it up"),
        ({"ExecMainStatus": "1"}, "exit status 1: it ended with an error, which its log tells"),
        ({"Result": "success"}, "success."),
        ({"Result": ""}, "not known."),
    ],
)
def test_what_it_ended_with_is_in_plain_words(shown: dict[str, str], said: str) -> None:
    ended = {"ActiveState": "failed", "Result": "exit-code", "ExecMainCode": "1", **shown}
    place = site()
    assert place.unit is not None
    down = replace(place.unit, properties={**place.unit.properties, **ended})
    (finding,) = judge(unready, replace(place, unit=down), None, None)
    assert f"Its last result is {said}" in finding.detail
    assert "TabbyAPI" not in finding.detail
    what = said.partition(":")[0] if ":" in said else ""
    assert finding.evidence[0].actual == ", ".join(filter(None, ("failed", what)))


def test_it_reports_tabbyapi_down() -> None:
    assert not judge(unready, site(), RouterHealth(ROUTER, ANSWERED, True), None)
    (finding,) = judge(unready, site(), RouterHealth(ROUTER, ANSWERED, False), None)
    assert {"API001", "API005", "TOK001"} <= set(finding.caused_by or ())


def test_it_is_broken_where_it_reports_a_tabbyapi_down_that_answers() -> None:
    down = RouterHealth(ROUTER, ANSWERED, False)
    (finding,) = judge(unready, site(), down, None, None, endpoint(True))
    assert finding.severity is Severity.ERROR
    assert finding.remedies[0].commands == (
        "sudo journalctl -u llm-router.service -n 50 --no-pager",
    )
    (right,) = judge(unready, site(), down, None, None, silent())
    assert right.severity is Severity.WARNING
    by_hand = replace(site(), unit=None)
    (finding,) = judge(unready, by_hand, down, None, None, endpoint(True))
    assert finding.remedies[0].commands == ()


def test_a_unit_that_is_down_is_no_consequence_of_tabbyapi() -> None:
    (finding,) = judge(unready, site(ActiveState="inactive"), None, None)
    assert finding.caused_by == ()


def test_a_missing_environment_file_explains_the_unit() -> None:
    (finding,) = judge(unready, lacking(optional=False), None, None)
    assert finding.caused_by == ("SVC009",)
    (finding,) = judge(unready, lacking(optional=True), None, None)
    assert finding.caused_by == ()


def lacking(*, optional: bool) -> RouterSite:
    place = site(ActiveState="failed")
    assert place.unit is not None
    file = EnvironmentFile("/etc/router.env", optional, problem="no such file")
    return replace(place, unit=replace(place.unit, environment_files=(file,)))


def test_a_source_that_does_not_parse_is_the_cause() -> None:
    source = reading("syntax_error")
    (finding,) = judge(unready, site(ActiveState="failed"), None, source)
    assert "/opt/router/syntax_error.py:8" in finding.title
    assert finding.evidence[0].source == "/opt/router/syntax_error.py:8"
    assert "sudoedit /opt/router/syntax_error.py" in finding.remedies[0].commands
    assert not judge(unready, site(), None, source)


def test_what_may_not_be_seen_is_unknown() -> None:
    hidden = RouterHealth("", HttpAnswer(""), unseen="not without root (use sudo)")
    with pytest.raises(Unknown, match="root"):
        judge(unready, site(), hidden, None)
    assert judge(unready, site(ActiveState="failed"), hidden, None)


@pytest.mark.parametrize(("state", "fires"), [("up", False), ("down", True), ("key", True)])
def test_backend(state: HealthState, fires: bool) -> None:
    states = RouterBackends((BackendState("sglang", "http://127.0.0.1:30000", state, "401"),))
    assert bool(judge(backend, reading("own_keys"), states, None)) is fires


def test_the_unit_that_serves_a_backend_is_named() -> None:
    down = RouterBackends((BackendState(LLAMA, LLAMA, "down", "refused"),))
    units = Units((_serving("llama.service", 8085), _serving("other.service", 18085)))
    (finding,) = judge(backend, reading("own_keys"), down, units)
    assert finding.remedies[0].commands == ("sudo systemctl start llama.service",)
    told = [finding.title, finding.detail, *(remedy.title for remedy in finding.remedies)]
    assert " ".join(told).count(LLAMA) == 1
    (finding,) = judge(backend, reading("own_keys"), down, Units(units.units[1:]))
    assert finding.remedies[0].commands == ()


def test_a_backend_whose_unit_runs_is_waited_for() -> None:
    loading = RouterBackends((BackendState("llama", LLAMA, "loading", "503"),))
    units = Units((_serving("llama.service", 8085, "active"),))
    (finding,) = judge(backend, reading("own_keys"), loading, units)
    assert finding.remedies[0].commands[0].startswith("sudo journalctl -u llama.service")


def _serving(name: str, port: int, state: str = "inactive") -> Unit:
    command = f"{{ path=x ; argv[]=/usr/bin/llama-server --port {port} ; ignore_errors=no }}"
    return Unit(name, {"LoadState": "loaded", "ActiveState": state, "ExecStart": command})


def test_a_backend_started_on_demand_may_be_down() -> None:
    source = "import subprocess, httpx\n\ndef go():\n"
    source += "    subprocess.run(['systemctl', 'start', 'sglang.service'])\n"
    source += "    httpx.post('http://127.0.0.1:5000/v1/completions')\n"
    down = RouterBackends((BackendState("sglang", "http://127.0.0.1:30000", "down", "refused"),))
    assert not judge(backend, read(source), down, None)
