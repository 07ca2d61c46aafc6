"""The pages of checks, and the table of all."""

from __future__ import annotations

import io

import pytest

from tabbydoctor.diagnosis.check import first_sentence
from tabbydoctor.diagnosis.finding import Severity
from tabbydoctor.reports import explain, listing
from tabbydoctor.reports.page import Page
from tests.reports.reports import check

PAGE = """\
A section that TabbyAPI does not read, in a sentence that is long enough to go over one line. More.

## What it checks
Whether `auth.disable` is in **config.yml**:
it has no effect.

- one item that is long enough to be continued on a second line, under its own first word
- two

1. first

## What to do

```
  network:
    disable_auth: true
```

    tabbydoctor fix --auth
"""
ROOT = check("CFG004", "config-auth-section", page=PAGE)
CHECKS = [
    ROOT,
    check("RTR001", "router-probe-no-key", caused_by=("CFG004",), severity=Severity.WARNING),
    check("API005", "api-key-rejected", caused_by=("RTR001", "XYZ001"), page="Refused"),
]


def explained(id: str) -> str:
    page = Page()
    explain.explain(page, next(one for one in CHECKS if one.id == id), CHECKS)
    return page.text()


def test_a_page() -> None:
    assert explained("CFG004") == (
        """\
CFG004  config-auth-section
error, category config

A section that TabbyAPI does not read, in a sentence that is long enough to go
over one line. More.

What it checks
Whether `auth.disable` is in config.yml: it has no effect.

  - one item that is long enough to be continued on a second line, under its own
    first word
  - two

  1. first

What to do

      network:
        disable_auth: true

    tabbydoctor fix --auth

May cause
  RTR001   router-probe-no-key
"""
    )


def test_a_page_names_causes_even_unknown_ones() -> None:
    shown = explained("API005")
    assert "May be caused by\n  RTR001   router-probe-no-key\n  XYZ001\n" in shown
    assert "May cause" not in shown


def test_the_document_of_a_page() -> None:
    document = explain.to_document(CHECKS[1], CHECKS)
    assert (document["caused_by"], document["causes"]) == (["CFG004"], ["API005"])


def test_the_table() -> None:
    page = Page()
    listing.list_checks(page, CHECKS, {"API005": "a-plugin"})
    assert page.text() == (
        """\
CFG004  E  config-auth-section  A section that TabbyAPI does not read, in a
                                sentence that is long enough to go over one
                                line.
RTR001  W  router-probe-no-key  A page.
API005  E  api-key-rejected     Refused [a-plugin]
"""
    )


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ("One. Two.", "One."),
        ("Reads config.yml in\nthe directory.\n\nMore.", "Reads config.yml in the directory."),
        ("No end\n\n## Heading", "No end"),
        ("", ""),
    ],
)
def test_the_first_sentence(page: str, sentence: str) -> None:
    assert first_sentence(page) == sentence


def test_a_pipe_gets_plain_text() -> None:
    stream = io.StringIO()
    explain.write_explanation(ROOT, CHECKS, stream)
    listing.write_listing(CHECKS, stream)
    assert stream.getvalue().replace("\n", "").isprintable()
