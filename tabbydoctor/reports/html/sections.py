"""The sections of the page below the picture: roots, what follows from them, and all the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tabbydoctor.diagnosis.finding import Severity
from tabbydoctor.reports.documents.check import CheckDocument, ResultPart, RootPart
from tabbydoctor.reports.formats.words import reason_text
from tabbydoctor.reports.html.findings import link_to, result_article
from tabbydoctor.reports.html.markup import Markup, element, joined

_EXPLAINS = "It explains "
_FOLLOWS = "It follows from "


def sections(document: CheckDocument) -> Iterator[Markup]:
    """All of them, in the order in which they matter; a section of nothing is left out."""
    by_id = {result.id: result for result in document.checks}
    named = {root.root for root in document.diagnosis}
    grave = [root for root in document.diagnosis if _breaks(root, by_id)]
    others = [root for root in document.diagnosis if root not in grave]
    left_out = [one for one in document.checks if one.status in ("failed", "warning")]
    explained = {id for root in document.diagnosis for id in root.explains}
    consequences = [one for one in left_out if one.id in explained - named]
    alone = [one for one in left_out if one.id not in explained | named]
    yield from _section("Root causes", (_root(root, by_id) for root in grave))
    yield from _section(
        "What follows from them", (_consequence(one, document) for one in consequences)
    )
    warned = (*(_root(root, by_id) for root in others), *map(result_article, alone))
    yield from _section("Needs attention", warned)
    yield from _section(
        "Remarks", (result_article(one) for one in document.checks if one.status == "info")
    )
    yield from _unjudged(document)
    yield from _compact(document)


def index(document: CheckDocument) -> Markup | None:
    """Links to the root causes, where there are several."""
    if len(document.diagnosis) < 2:
        return None
    items = (
        element("li", link_to(root.root), " ", element("span", root.summary))
        for root in document.diagnosis
    )
    return element("nav", element("ol", *items), aria_label="Root causes")


def _breaks(root: RootPart, by_id: dict[str, ResultPart]) -> bool:
    statuses = [by_id[id].status for id in root.explains if id in by_id]
    return root.severity is Severity.ERROR or "failed" in statuses


def _root(root: RootPart, by_id: dict[str, ResultPart]) -> Markup:
    return result_article(by_id[root.root], _linked(_EXPLAINS, root.explains))


def _consequence(result: ResultPart, document: CheckDocument) -> Markup:
    causes = [root.root for root in document.diagnosis if result.id in root.explains]
    return result_article(result, _linked(_FOLLOWS, causes))


def _linked(words: str, ids: Sequence[str]) -> Markup | None:
    if not ids:
        return None
    links = (joined(", " if at else "", link_to(id)) for at, id in enumerate(ids))
    return element("p", words, *links, ".", class_="relation")


def _section(title: str, parts: Iterable[Markup], class_: str | None = None) -> Iterator[Markup]:
    if found := list(parts):
        yield element("section", element("h2", title), *found, class_=class_)


def _unjudged(document: CheckDocument) -> Iterator[Markup]:
    found = [one for one in document.checks if one.status in ("unknown", "crashed")]
    yield from _section("Could not be told", _by_reason(found), "compact")


def _compact(document: CheckDocument) -> Iterator[Markup]:
    skipped = [one for one in document.checks if one.status == "skipped"]
    passed = [one for one in document.checks if one.status == "passed"]
    if passed:
        yield from _section(f"Passed: {len(passed)}", [_names(passed)], "compact")
    yield from _section(f"Does not apply: {len(skipped)}", _by_reason(skipped), "compact")


def _by_reason(results: Sequence[ResultPart]) -> Iterator[Markup]:
    """The checks below the reason that they share."""
    shared: dict[str, list[ResultPart]] = {}
    for one in results:
        crashed = "crashed: " if one.status == "crashed" else ""
        shared.setdefault(crashed + reason_text(one.reason), []).append(one)
    for reason, found in shared.items():
        yield element("p", reason, class_="reason")
        yield _names(found)


def _names(results: Iterable[ResultPart]) -> Markup:
    items = (element("li", element("b", one.id), " ", one.name) for one in results)
    return element("ul", *items, class_="names")
