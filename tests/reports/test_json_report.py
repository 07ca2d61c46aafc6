"""The machine output: one valid document, in the shape that is published."""

from __future__ import annotations

import dataclasses
import datetime
import io
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabbydoctor.diagnosis.report import Report
from tabbydoctor.reports import explain, listing
from tabbydoctor.reports.json_report import (
    JsonReporter,
    dumps,
    error_document,
    to_document,
    write_document,
)
from tabbydoctor.reports.terminal import TerminalReporter
from tests.reports.documents import assert_valid
from tests.reports.reports import AUTH, EVERY, ONE_ROOT, check, hostile


def written(report: Report) -> Any:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    JsonReporter().write(report, stream, verbose=False)
    return json.loads(raw.getvalue().decode("utf-8"))


@pytest.mark.parametrize("name", EVERY)
def test_reports_are_valid(name: str) -> None:
    assert_valid(written(EVERY[name]), "check")


@pytest.mark.parametrize(
    ("path", "value"),
    [(("exit_code",), 7), (("checks", 0, "status"), "fine"), (("summary",), {}), (("checks",), 1)],
)
def test_the_schema_refuses_what_is_not_so(path: tuple[Any, ...], value: object) -> None:
    document = written(ONE_ROOT)
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        assert_valid(document, "check")


def test_a_finding_in_full() -> None:
    finding = to_document(ONE_ROOT)["checks"][0]["findings"][0]
    assert finding == {
        "id": "CFG004",
        "severity": "error",
        "title": AUTH.title,
        "detail": AUTH.detail,
        "evidence": [
            {
                "source": "/opt/tabbyapi/config.yml:12",
                "expected": "network.disable_auth: true",
                "actual": "auth.disable: true",
            }
        ],
        "caused_by": [],
        "remedies": [
            {
                "title": "let the router send the key",
                "safety": "safe",
                "commands": ["tabbydoctor fix --auth"],
            }
        ],
    }


def test_evidence_leaves_out_what_it_does_not_have() -> None:
    finding = to_document(ONE_ROOT)["checks"][1]["findings"][0]
    assert finding["evidence"] == [{"source": "/file:1"}]


def test_the_diagnosis_and_the_summary() -> None:
    document = to_document(ONE_ROOT)
    assert document["diagnosis"][0]["root"] == "CFG004"
    assert document["diagnosis"][0]["explains"] == [f"RTR00{number}" for number in range(1, 6)]
    assert (document["summary"]["failed"], document["summary"]["passed"]) == (6, 1)


def test_what_a_runbook_asks_first_needs_no_join() -> None:
    document = to_document(dataclasses.replace(ONE_ROOT, host="gpu1"))
    text = io.StringIO()
    TerminalReporter().write(ONE_ROOT, text, verbose=False)
    assert (document["host"], document["verdict"]) == ("gpu1", text.getvalue().splitlines()[0])
    (root,) = document["diagnosis"]
    assert (root["severity"], root["category"]) == ("error", "config")
    assert root["remedies"] == document["checks"][0]["findings"][0]["remedies"]


def test_an_error_is_a_document() -> None:
    document = error_document("no TabbyAPI was found", "name it with --dir", 2)
    assert (document["checks"], document["diagnosis"]) == ([], [])
    assert_valid(document, "error")


@given(st.text(st.characters()))
def test_any_value_survives_but_surrogates(value: str) -> None:
    clean = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    given = "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in value)
    assert written(hostile(value))["deployment"]["dir"] in (given, clean)


def test_control_characters_are_escaped_in_the_text() -> None:
    text = dumps({"a": "\x1b\x7f\x9b"})
    assert text.replace("\n", "").isprintable()
    assert json.loads(text) == {"a": "\x1b\x7f\x9b"}


def test_values_that_json_lacks_become_text() -> None:
    values = {"a": float("nan"), "b": datetime.date(2025, 1, 2), "c": {3: (1, True, None)}}
    expected = {"a": "nan", "b": "2025-01-02", "c": {"3": [1, True, None]}}
    assert json.loads(dumps(values)) == expected


def test_a_stream_of_text_alone_will_do() -> None:
    stream = io.StringIO()
    write_document({"a": "é"}, stream)
    assert json.loads(stream.getvalue()) == {"a": "é"}


def test_the_documents_of_list_and_explain_are_valid() -> None:
    checks = [check("CFG001"), check("RTR001", caused_by=("CFG001",))]
    assert_valid(explain.to_document(checks[0], checks), "explain")
    assert_valid(listing.to_document(checks, {"RTR001": "a-plugin"}), "list")
