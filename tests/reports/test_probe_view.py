"""The table of `tabbydoctor probe`."""

from __future__ import annotations

import json

from tabbydoctor.host.data import HttpAnswer
from tabbydoctor.reports.probe_view import as_json, as_text
from tabbydoctor.tabbyapi.probes import CREDENTIALS, PATHS, Address, Endpoint
from tabbydoctor.tabbyapi.probing import PERMISSION, further_key

URL = "http://127.0.0.1:5000"
HERE = Address(URL, "127.0.0.1:5000", "the listening socket of process 10")


def test_the_widest_table_fits_into_eighty_columns() -> None:
    refused = HttpAnswer(URL, status=401, body=b'{"detail":"Invalid API key"}')
    silent = HttpAnswer(URL, error="unreachable")
    table = {
        (path, credential): silent if credential == "none" else refused
        for path in PATHS
        for credential in CREDENTIALS
    }
    table[further_key(2), "api_key"] = refused
    found = Endpoint(HERE, True, "tabbyapi", HttpAnswer(URL, status=200), table)
    lines = as_text(found, 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert f"{PERMISSION} #2" in lines[-1]
    assert lines[-1].split()[2:] == ["-", "-", "401", "refused", "-"]


def test_columns_that_were_not_asked_are_left_out_and_it_says_why() -> None:
    table = {(path, "none"): HttpAnswer(URL, status=404) for path in PATHS}
    found = Endpoint(HERE, True, "unknown", HttpAnswer(URL, status=500), table, "not\x1b[31m told")  # type: ignore[arg-type]
    text = as_text(found, 80)
    assert "api_key" not in text
    assert "keys not sent  not\\x1b[31m told" in text


def test_nobody_there() -> None:
    first = HttpAnswer(URL, error="refused", detail="connection refused")
    found = Endpoint(HERE, False, "unknown", first, {})
    assert "no: refused (connection refused)" in as_text(found, 80)
    document = as_json(found)
    assert json.loads(json.dumps(document)) == document
    assert (document["reached"], document["error"], document["answers"]) == (False, "refused", [])


def test_an_admin_key_that_alone_was_kept_back() -> None:
    table = {(PERMISSION, "api_key"): HttpAnswer(URL, status=200)}
    found = Endpoint(
        HERE,
        True,
        "tabbyapi",
        HttpAnswer(URL, status=200),
        table,  # type: ignore[arg-type]
        admin_withheld="unseen",
    )
    assert "admin key      not sent: unseen" in as_text(found, 80)
    assert as_json(found)["admin_withheld"] == "unseen"
