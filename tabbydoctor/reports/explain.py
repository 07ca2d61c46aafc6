"""The page of one check: its docstring, what it is, what causes it and what it causes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from tabbydoctor.diagnosis.check import Check
from tabbydoctor.reports.json_report import write_document
from tabbydoctor.reports.page import Page, StyledText, page_for, write_page

_HEADING = re.compile(r"#+ +(.*)")
_ITEM = re.compile(r"( *)([-*]|\d+[.)]) +(.*)")
_FENCE = re.compile(r" *(```|~~~)")
_INLINE = re.compile(r"(`[^`]+`|\*\*[^*]+\*\*)")
_CODE = "cyan"
_LABEL_WIDTH = 11


def write_explanation(check: Check, checks: Sequence[Check], stream: TextIO) -> None:
    """Write the page of a check as text; `checks` are all there are, for causes and effects."""
    page = page_for(stream)
    explain(page, check, checks)
    write_page(page, stream)


def write_explanation_json(check: Check, checks: Sequence[Check], stream: TextIO) -> None:
    """Write the page of a check as JSON."""
    write_document(to_document(check, checks), stream)


def to_document(check: Check, checks: Sequence[Check]) -> dict[str, Any]:
    """The document of `explain --format json`."""
    from tabbydoctor.reports.documents.base import plain
    from tabbydoctor.reports.documents.catalogue import ExplainDocument

    document = ExplainDocument(
        id=check.id,
        name=check.name,
        category=check.category,
        severity=check.severity,
        caused_by=list(check.caused_by),
        causes=[other.id for other in effects(check, checks)],
        page=check.page,
    )
    return plain(document)


def effects(check: Check, checks: Iterable[Check]) -> list[Check]:
    """The checks whose findings this one may explain."""
    return [other for other in checks if check.id in other.caused_by]


def explain(page: Page, check: Check, checks: Sequence[Check]) -> None:
    """The page of a check, on a page."""
    page.flow((check.id, "bold"), (f"  {check.name}", "bold"))
    page.flow((f"{check.severity}, category {check.category}", "dim"))
    page.blank()
    _markdown(page, check.page)
    names = {other.id: other.name for other in checks}
    causes = [(id, names.get(id, "")) for id in check.caused_by]
    caused = [(other.id, other.name) for other in effects(check, checks)]
    _related(page, "May be caused by", causes)
    _related(page, "May cause", caused)


def _related(page: Page, title: str, related: list[tuple[str, str]]) -> None:
    if not related:
        return
    page.blank()
    page.flow((title, "bold"))
    for id, name in related:
        page.flow((id.ljust(_LABEL_WIDTH - 2), ""), (name, ""), indent=2, hang=_LABEL_WIDTH)


def _markdown(page: Page, text: str) -> None:
    """The part of Markdown that pages use: headings, paragraphs, lists, code."""
    paragraph: list[str] = []
    fenced = False
    for line in text.splitlines():
        if _FENCE.match(line):
            _paragraph(page, paragraph)
            fenced = not fenced
        elif fenced or (line.startswith("    ") and not paragraph):
            _code(page, line if fenced else line[4:])
        elif heading := _HEADING.fullmatch(line):
            _paragraph(page, paragraph)
            page.blank()
            page.flow((heading[1], "bold"))
        elif not line.strip() or line.startswith("|"):
            _paragraph(page, paragraph)
            page.verbatim(line) if line.strip() else page.blank()
        else:
            if _ITEM.match(line):
                _paragraph(page, paragraph)
            paragraph.append(line)
    _paragraph(page, paragraph)


def _code(page: Page, line: str) -> None:
    """A line of code as it is; a command too long for the page is continued."""
    if 4 + len(line) <= page.width:
        page.verbatim(line, indent=4)
    else:
        page.command(line, indent=4)


def _paragraph(page: Page, lines: list[str]) -> None:
    """Flow the lines gathered so far, and forget them."""
    if not lines:
        return
    item = _ITEM.match(lines[0])
    first = item[3] if item else lines[0].strip()
    text = " ".join([first, *(line.strip() for line in lines[1:])])
    lines.clear()
    if item:
        mark = f"{item[2]} "
        indent = len(item[1]) + 2
        page.flow((mark, ""), *_inline(text), indent=indent, hang=indent + len(mark))
    else:
        page.flow(*_inline(text))


def _inline(text: str) -> list[StyledText]:
    spans: list[StyledText] = []
    for part in _INLINE.split(text):
        if part.startswith("**"):
            spans.append((part.strip("*"), "bold"))
        else:
            spans.append((part, _CODE if part.startswith("`") else ""))
    return spans
