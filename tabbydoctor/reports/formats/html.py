"""One page of HTML for people: the way of a request as a picture, then everything that was found.

It holds all that it needs, runs no script and may fetch nothing; it is for a screen of any width,
light or dark, and for paper.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Iterator
from datetime import datetime
from importlib.resources import files

from tabbydoctor.diagnosis.report import Report
from tabbydoctor.reports.check_document import check_document
from tabbydoctor.reports.documents.check import CheckDocument
from tabbydoctor.reports.html.chain import stations
from tabbydoctor.reports.html.markup import Markup, element
from tabbydoctor.reports.html.picture import picture
from tabbydoctor.reports.html.sections import index, sections
from tabbydoctor.reports.outline import next_step, outline
from tabbydoctor.reports.terminal import deployment_lines

_ROOM = "tabbydoctor.reports.html"
_FAILED = "tabbydoctor could not run"


def render(report: Report) -> str:
    """The report as one page."""
    document = check_document(report)
    way = stations(document, selected=report.selected)
    return _page(
        " · ".join(filter(None, (document.verdict, document.host))),
        element(
            "header",
            element("p", "tabbydoctor", class_="brand"),
            element("h1", document.verdict),
            element("p", next_step(outline(report)), class_="next"),
        ),
        element(
            "main",
            element("section", element("h2", "The way of a request"), picture(way), class_="chain"),
            index(document),
            *sections(document),
            element("section", element("h2", "What was examined"), _facts(report, document)),
        ),
        _state(document),
    )


def failure(message: str, hint: str, exit_code: int) -> str:
    """Why there is no report, as a page."""
    title = "tabbydoctor was interrupted" if exit_code == 130 else _FAILED
    return _page(
        title,
        element("header", element("p", "tabbydoctor", class_="brand"), element("h1", title)),
        element(
            "main",
            element("p", message, class_="detail"),
            element("p", hint, class_="detail") if hint else None,
            element("p", f"Nothing was judged. Exit code {exit_code}."),
        ),
        "unjudged",
    )


def _page(title: str, header: Markup, main: Markup, state: str) -> str:
    style, policy = _style()
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", style),
    )
    page = element("html", head, element("body", header, main, class_=state), lang="en")
    return f"<!DOCTYPE html>{page}\n"


@functools.cache
def _style() -> tuple[Markup, str]:
    """The style, and the policy that allows it and nothing else."""
    style = (files(_ROOM) / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    allowed = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    return Markup(style), allowed


def _state(document: CheckDocument) -> str:
    counts = document.summary
    if counts.failed:
        return "broken"
    if counts.warning:
        return "attention"
    return "unjudged" if counts.unknown or counts.crashed or document.exit_code else "well"


def _facts(report: Report, document: CheckDocument) -> Markup:
    rows = (
        ("machine", document.host or "without a name"),
        *deployment_lines(report.deployment),
        ("version", document.deployment.tabbyapi_version or "not known"),
        *(("note", note) for note in report.notes),
        ("tabbydoctor", document.tabbydoctor),
    )
    told = (element("div", element("dt", name), element("dd", said)) for name, said in rows)
    return element("dl", *told, *_times(document), class_="facts")


def _times(document: CheckDocument) -> Iterator[Markup]:
    try:
        moment = datetime.fromisoformat(document.started_at)
        when = f"{moment:%Y-%m-%d %H:%M:%S} {moment.tzname() or ''}".rstrip()
    except ValueError:
        when = document.started_at
    seconds = f"{document.duration_ms / 1000:.1f}"
    shown = (
        ("examined", element("time", when, datetime=document.started_at)),
        ("took", element("time", f"{seconds} s", datetime=f"PT{seconds}S")),
    )
    for name, time in shown:
        yield element("div", element("dt", name), element("dd", time))
