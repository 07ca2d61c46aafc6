"""Every format is read by what it is for, tells the same facts, and lets nothing hostile act."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabbydoctor.diagnosis.finding import Evidence, Severity
from tabbydoctor.diagnosis.report import FailOn, Report, Root
from tabbydoctor.diagnosis.verdict import exit_code
from tabbydoctor.reports.formats import FORMATS, LazyReporter, write_failure
from tests.programs import require
from tests.reports.formats.consumers import CONSUMERS, run_consumer
from tests.reports.reports import EVERY, ONE_ROOT, OPEN, TWO_ROOTS, fault, hostile, report, result

HOSTILE = (
    "a\n::error::b", "x | y='1", "]]>&<b>", "\x1b[31m\u202e", "#TODO \\# SKIP", "@alice fixes #12",
    "```\n# x\n````", "[l](http://x)<img src=x>", "]]> %0A::set-env", "é\U0001f600\ud800", "", "\n",
    "  ---\n  ...\nBail out! x\n", "$(id) `id`", "{{ x }}", "a: b\n- c", "\0\x7f\x85\u2028",
)  # fmt: skip
"""What a file, a log or a peer may have said."""


def written(name: str, report: Report) -> str:
    stream = io.StringIO()
    LazyReporter(name).write(report, stream, verbose=False)
    return stream.getvalue()


def at(report: Report, level: FailOn) -> Report:
    return dataclasses.replace(report, fail_on=level, exit_code=exit_code(report.results, level))


def read(name: str, report: Report) -> Any:
    return CONSUMERS[name](written(name, report))


def test_every_format_has_a_consumer() -> None:
    assert set(CONSUMERS) == set(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("which", EVERY)
def test_reports_are_read(name: str, which: str) -> None:
    for level in ("error", "warning", "unknown"):
        read(name, at(EVERY[which], level))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("value", HOSTILE, ids=repr)
def test_hostile_values_are_only_text(name: str, value: str) -> None:
    text = written(name, hostile(value))
    CONSUMERS[name](text)
    assert text.replace("\n", "").isprintable()
    text.encode()


@given(value=st.text(st.characters(), max_size=20))
def test_any_value_is_only_text(value: str) -> None:
    for name in FORMATS:
        read(name, hostile(value))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("value", HOSTILE, ids=repr)
def test_failures_are_read(name: str, value: str) -> None:
    for code in (2, 130):
        stream = io.StringIO()
        assert write_failure(name, f"no TabbyAPI {value}", value, code, stream)
        CONSUMERS[name](stream.getvalue())


def test_only_formats_for_programs_write_failures() -> None:
    stream = io.StringIO()
    assert not write_failure("text", "no", "", 2, stream)
    assert stream.getvalue() == ""


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_facts_are_the_same_bytes_but_for_time(name: str) -> None:
    later = dataclasses.replace(
        ONE_ROOT,
        started_at="2031-12-31T23:59:59.999+00:00",
        duration_ms=999_999,
        results=tuple(dataclasses.replace(one, duration_ms=7) for one in ONE_ROOT.results),
    )
    once, again = written(name, ONE_ROOT).splitlines(), written(name, later).splitlines()
    timed = re.compile(
        r'"(started_at|startTimeUtc)": "[^"]*"|"duration_ms": \d+|\bti(me|mestamp)="?[^ "]*"?'
        r"|(?<=_seconds )\S+|<time .*?</time>"
    )
    assert [timed.sub("T", line) for line in once] == [timed.sub("T", line) for line in again]


def test_what_counts_fails_and_nothing_else() -> None:
    levels: tuple[FailOn, ...] = ("error", "warning", "unknown")
    for which in (ONE_ROOT, TWO_ROOTS, OPEN):
        for level in levels:
            judged = at(which, level)
            suites = read("junit", judged)
            assert bool(suites.failures + suites.errors) == bool(judged.exit_code)
            points = [one for one in read("tap", judged) if one.category == "test"]
            failing = [one for one in points if not one.ok and not one.todo]
            assert bool(failing) == bool(judged.exit_code)


def test_a_report_of_nothing_judged_passes_nowhere() -> None:
    unjudged = at(report(result("CFG001", status="unknown", reason="use sudo")), "error")
    assert unjudged.exit_code == 2
    assert read("junit", unjudged).errors == 1
    assert [one.category for one in read("tap", unjudged)][-1] == "bail"
    assert read("nagios", unjudged)[0] == "UNKNOWN"
    assert read("prometheus", unjudged)["tabbydoctor_run_success",] == 0
    assert read("sarif", unjudged)["runs"][0]["invocations"][0]["executionSuccessful"] is False
    assert read("github", unjudged)[-1][0] == "error"


def test_lines_of_json_are_the_document_s() -> None:
    run, root, first, *_ = read("jsonl", ONE_ROOT)
    assert (run["type"], root["type"], first["type"]) == ("run", "root", "check")
    assert (root["root"], first["findings"][0]["id"]) == ("CFG004", "CFG004")


def test_a_finding_in_junit() -> None:
    text = written("junit", ONE_ROOT)
    assert "tabbydoctor fix --auth" in text
    assert "expected network.disable_auth: true, found auth.disable: true" in text


def test_a_rule_of_sarif_has_the_page_of_its_check() -> None:
    log = read("sarif", ONE_ROOT)
    (run,) = log["runs"]
    first = run["results"][0]
    where = first["locations"][0]["physicalLocation"]
    assert where["artifactLocation"]["uri"] == "file:///opt/tabbyapi/config.yml"
    assert where["region"] == {"startLine": 12}
    assert run["tool"]["driver"]["rules"][0]["help"]["markdown"] == "A page."


def test_a_place_below_the_current_directory_is_named_as_ci_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    finding = fault("x", evidence=(Evidence(f"{tmp_path}/a b/compose.yaml:3"),))
    here = report(result("CTR010", finding), roots=(Root("CTR010", (), "x"),))
    _, properties, _ = read("github", here)[0]
    assert (properties["file"], properties["line"]) == ("a b/compose.yaml", "3")
    location = read("sarif", here)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "a%20b/compose.yaml"


def test_a_fingerprint_outlives_a_moved_line() -> None:
    def fingerprint(line: int) -> Any:
        finding = fault("x", evidence=(Evidence(f"/c.yml:{line}"),))
        log = read("sarif", report(result("CFG004", finding)))
        return log["runs"][0]["results"][0]["partialFingerprints"]

    assert fingerprint(3) == fingerprint(4)


def test_the_words_of_nagios() -> None:
    assert read("nagios", ONE_ROOT)[0] == "CRITICAL"
    warned = report(result("TOK004", fault("x", Severity.WARNING)))
    assert read("nagios", at(warned, "error"))[0] == "OK"
    assert read("nagios", at(warned, "warning"))[0] == "WARNING"
    _, said, data = read("nagios", ONE_ROOT)
    assert said.startswith("TabbyAPI is broken")
    assert (data["failed"], data["passed"], data["time"]) == (6, 1, 0.12)


def test_the_metrics_of_prometheus() -> None:
    metrics = read("prometheus", ONE_ROOT)
    assert metrics["tabbydoctor_exit_code",] == 1
    assert metrics["tabbydoctor_checks", "failed"] == 6
    assert metrics["tabbydoctor_root_cause", "CFG004", "a-name", "error"] == 1
    assert metrics["tabbydoctor_finding", "RTR001", "a-name", "error"] == 1
    assert metrics["tabbydoctor_last_run_timestamp_seconds",] == 1740798000.0


def test_an_issue_names_no_machine() -> None:
    assert "gpu-box-7" not in written("markdown", dataclasses.replace(ONE_ROOT, host="gpu-box-7"))


@pytest.mark.heavy
@pytest.mark.parametrize("which", EVERY)
def test_promtool_takes_the_metrics(which: str) -> None:
    found = require("promtool")
    with subprocess.Popen(
        [found, "check", "metrics"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as tool:
        said, _ = tool.communicate(written("prometheus", EVERY[which]))
    assert (tool.returncode, said) == (0, "")


@pytest.mark.heavy
@pytest.mark.parametrize("which", EVERY)
def test_sarif_s_own_multitool_takes_the_log(which: str) -> None:
    """The npm package @microsoft/sarif-multitool-linux, unpacked where SARIF_MULTITOOL says."""
    package = Path(require("sarif-multitool"))
    text = written("sarif", EVERY[which])
    schema = json.loads((package / "sarif-2.1.0.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(json.loads(text))
    done = run_consumer([str(package / "Sarif.Multitool"), "validate"], text, ".sarif")
    assert done.returncode == 0, done.stdout
    assert ": error " not in done.stdout


@pytest.mark.heavy
@pytest.mark.parametrize("which", EVERY)
def test_the_reference_parser_takes_tap_14(which: str) -> None:
    """The npm package tap-parser: the one that the specification of TAP 14 names."""
    judged = at(EVERY[which], "error")
    done = subprocess.run(
        [require("tap-parser"), "-j", "0", "-S"],
        input=written("tap", judged), capture_output=True, text=True, check=False,
    )  # fmt: skip
    events = json.loads(done.stdout)
    assert [event for event in events if event[0] == "extra"] == []
    assert (done.returncode == 0) == (judged.exit_code == 0)
