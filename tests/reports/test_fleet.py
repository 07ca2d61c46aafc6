"""`merge`: many documents as one, whatever the others wrote."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabbydoctor.cli.app import run
from tabbydoctor.reports.fleet import Fleet
from tabbydoctor.reports.json_report import error_document, to_document
from tests.reports.documents import assert_valid
from tests.reports.reports import HEALTHY, ONE_ROOT, TWO_ROOTS, hostile

KEY = "Zx9-planted-api-key-41"


def document(report: Any, host: str, **more: Any) -> dict[str, Any]:
    return {**to_document(report), "host": host, **more}


def write(directory: Path, *documents: dict[str, Any]) -> list[str]:
    paths = [directory / f"{number}.json" for number in range(len(documents))]
    for path, one in zip(paths, documents, strict=True):
        path.write_text(json.dumps(one))
    return list(map(str, paths))


def merged(capsys: pytest.CaptureFixture[str], *files: str, code: int = 0) -> dict[str, Any]:
    assert run(["merge", *files, "--format", "json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert_valid(found, "merge")
    return found


def test_which_roots_on_which_hosts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = write(
        tmp_path,
        document(ONE_ROOT, "b"),
        document(TWO_ROOTS, "c"),
        document(ONE_ROOT, "a"),
        document(HEALTHY, "d"),
    )
    found = merged(capsys, *files)
    assert [(root["root"], root["hosts"]) for root in found["roots"]] == [
        ("CFG004", ["a", "b"]),
        ("GPU001", ["c"]),
        ("TOK004", ["c"]),
    ]
    assert found["summary"] == {"well": 1, "failing": 3, "unjudged": 0}
    assert found["roots"][0]["remedies"][0]["commands"] == ["tabbydoctor fix --auth"]
    assert run(["merge", *files]) == 0
    text = capsys.readouterr().out
    assert text.startswith("4 hosts: 3 failing, 1 well.")
    assert "on 2 hosts: a, b" in text


def test_the_latest_of_a_host_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = "2025-01-01T00:00:00.000+00:00", "2025-01-01T02:00:00.000+01:00"
    files = write(
        tmp_path,
        document(HEALTHY, "a", started_at=new),
        document(ONE_ROOT, "a", started_at=old),
    )
    assert merged(capsys, *files)["summary"]["well"] == 1


def test_two_deployments_of_a_host_are_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {**to_document(HEALTHY)["deployment"], "dir": "/srv/second"}
    files = write(tmp_path, document(ONE_ROOT, "a"), document(HEALTHY, "a", deployment=other))
    names = [host["host"] for host in merged(capsys, *files)["hosts"]]
    assert names == ["a /opt/tabbyapi", "a /srv/second"]


def test_documents_behind_each_other_on_stdin(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `for host in …; do ssh $host tabbydoctor check --format json; done` writes them."""
    said = "".join(json.dumps(document(ONE_ROOT, host), indent=2) + "\n" for host in "ab")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(said.encode())))
    assert merged(capsys, "-")["roots"][0]["hosts"] == ["a", "b"]


def test_a_host_where_the_doctor_could_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write(tmp_path, error_document("no TabbyAPI was found", "", 2))
    found = merged(capsys, *files)
    assert found["summary"]["unjudged"] == 1
    assert found["hosts"][0]["verdict"] == "no TabbyAPI was found"
    run(["merge", *files])
    assert "no TabbyAPI was found" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    "content",
    [
        b"", b"  \n", b"[]", b"{}", b"null", b"\xff\xfe", b'{"schema_version": 1}', b"{" * 9999,
        b'{"schema_version": 2, "exit_code": 0, "diagnosis": [], "checks": []}',
        b'{"schema_version": 1, "exit_code": "0", "diagnosis": [], "checks": []}',
        b'{"schema_version": 1, "exit_code": 0, "diagnosis": 3, "checks": []}',
        b"[" * 200_000, b'{"a": 1}{"b"', b"tabbydoctor: command not found\n",
    ],
)  # fmt: skip
def test_what_is_no_document_is_named_and_the_rest_merged(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.json"
    bad.write_bytes(content)
    found = merged(capsys, *write(tmp_path, document(ONE_ROOT, "a")), str(bad), code=2)
    assert [one["file"] for one in found["unread"]] == [str(bad)]
    assert found["roots"][0]["hosts"] == ["a"]


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = merged(capsys, f"{tmp_path}/none", str(tmp_path), code=2)
    assert [one["reason"] for one in found["unread"]] == [
        "No such file or directory",
        "Is a directory",
    ]


def test_what_others_wrote_is_shown_without_keys_and_controls(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = document(hostile(f"\x1b[31mapi_key: {KEY}\n::error::"), "\x1b]0;x\x07")
    files = write(tmp_path, bad)
    for format in ("text", "json"):
        run(["merge", *files, "--format", format])
        text = capsys.readouterr().out
        assert KEY not in text
        assert text.replace("\n", "").isprintable()


@given(st.binary(max_size=60))
def test_any_bytes_end_in_a_document(content: bytes) -> None:
    fleet = Fleet()
    fleet.add("x", content)
    assert fleet.document().exit_code == 2
