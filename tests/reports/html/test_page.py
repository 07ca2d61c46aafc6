"""The HTML page: text is text, and the picture claims no more than the verdict."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from tabbydoctor.diagnosis.finding import Remedy, Safety, Severity
from tabbydoctor.diagnosis.report import CheckResult, Report, Root
from tabbydoctor.reports.check_document import check_document
from tabbydoctor.reports.html.chain import Station, stations
from tabbydoctor.reports.visible import is_visible
from tests.reports.formats.consumers import html
from tests.reports.html.pages import PAGES, written
from tests.reports.reports import EMPTY, EVERY, HEALTHY, ONE_ROOT, fault, hostile, report, result

ROOT = Path(__file__).parents[3]
STYLE = (ROOT / "tabbydoctor/reports/html/page.css").read_text()
ENOUGH = 4.5
"""The least contrast of text by WCAG 2.2, 1.4.3 (AA)."""


class AsPage(SingleFileSnapshotExtension):
    """A page as it is written, without its style."""

    _write_mode = WriteMode.TEXT
    file_extension = "html"


@pytest.mark.parametrize("which", PAGES)
def test_whole(which: str, snapshot: SnapshotAssertion) -> None:
    page = written(PAGES[which]).replace(STYLE, "…")
    assert re.sub(r"sha256-[\w+/=]+", "…", page) == snapshot(extension_class=AsPage)


def way(report: Report) -> dict[str, Station]:
    found = stations(check_document(report), selected=report.selected)
    return {one.name: one for one in found}


def states(report: Report) -> list[tuple[str, bool]]:
    return [(one.state, one.reached) for one in way(report).values()]


@given(value=st.text(st.characters(), max_size=30))
def test_any_value_is_only_text(value: str) -> None:
    page = written(hostile(value))
    html(page)
    assert all(map(is_visible, page.split("\n")))


@pytest.mark.parametrize(
    "value", ["<script>alert(1)</script>", "\u202eevil", "</style><b>", "\x1b["]
)
def test_what_a_log_planted_is_shown_and_not_done(value: str) -> None:
    shown = "".join(html(written(hostile(value))).itertext())
    assert (value if value.isprintable() else repr(value)[1:-1]) in shown


def test_a_command_is_on_the_page_as_it_is_to_be_pasted() -> None:
    command = 'sudo sh -c \'printf "%s <&>\\n" ' + "x" * 300 + " > /etc/a' && echo done"
    finding = fault("x", remedies=(Remedy("do", Safety.MANUAL, (command,)),))
    page = html(written(report(result("CFG004", finding), roots=(Root("CFG004", (), "x"),))))
    assert ["".join(one.itertext()) for one in page.iter("pre")] == [command]


def test_a_fault_of_the_router_ends_the_way_there() -> None:
    broken = report(
        result("CFG001"), _of("RTR001", "router", Severity.ERROR), roots=(Root("RTR001", (), "x"),)
    )
    assert states(broken)[:3] == [("start", True), ("broken", True), ("well", False)]


def test_what_follows_from_elsewhere_is_no_root() -> None:
    down = report(
        _of("API001", "endpoint", Severity.ERROR),
        _of("GPU001", "gpu", Severity.ERROR),
        roots=(Root("GPU001", ("API001",), "x"),),
    )
    found = way(down)
    assert (found["TabbyAPI"].state, found["TabbyAPI"].told) == ("affected", "follows from GPU001")
    assert (found["GPU"].state, found["GPU"].reached) == ("broken", False)


def test_without_a_router_there_is_no_such_station() -> None:
    assert "Router" not in way(replace(HEALTHY, deployment={}))


def test_what_was_not_judged_is_not_well() -> None:
    assert way(HEALTHY)["GPU"].state == "unjudged"
    asked = replace(HEALTHY, catalogue=90)
    assert "well" not in [state for state, _ in states(asked)]
    unknown = report(result("CFG001"), result("CFG002", status="unknown", reason="use sudo"))
    assert way(unknown)["TabbyAPI"].state == "unjudged"
    unread = _of("RTR019", "router", Severity.WARNING)
    assert way(report(unread, roots=(Root("RTR019", (), "x"),)))["Router"].state == "unjudged"
    assert {state for state, _ in states(EMPTY)} == {"start", "unjudged"}


@pytest.mark.parametrize("which", EVERY)
def test_no_picture_is_green_where_the_verdict_is_not(which: str) -> None:
    verdict = check_document(EVERY[which]).verdict
    green = {state for state, _ in states(EVERY[which])} <= {"start", "well"}
    assert not green or "healthy" in verdict


def test_every_finding_is_on_the_page_once() -> None:
    page = html(written(ONE_ROOT))
    assert [one.attrib["id"] for one in page.iter("article")] == [
        one.check.id for one in ONE_ROOT.results if one.findings
    ]


def test_it_may_fetch_nothing() -> None:
    page = written(ONE_ROOT)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src &#x27;none&#x27;; style-src &#x27;sha256-")
    assert not re.search(r"url\(|@import|https?:", STYLE)


def test_the_style_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "**/*.css" in project["tool"]["setuptools"]["package-data"]["tabbydoctor"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_enough(scheme: str) -> None:
    blocks = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    colours = dict(re.findall(r"--(\w+): (#\w{6})", blocks[0]))
    if scheme == "dark":
        colours |= dict(re.findall(r"--(\w+): (#\w{6})", blocks[1]))
    for ground in ("page", "card", "inset"):
        for name in ("text", "soft", "link", "red", "amber", "green", "blue"):
            assert contrast(colours[name], colours[ground]) >= ENOUGH, (name, ground)
    for name in ("red", "amber", "green"):
        assert contrast(colours["mark"], colours[name]) >= ENOUGH, name


def contrast(one: str, other: str) -> float:
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _of(id: str, category: str, severity: Severity) -> CheckResult:
    made = result(id, fault("x", severity))
    return replace(made, check=replace(made.check, category=category))
