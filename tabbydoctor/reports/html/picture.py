"""The way of a request as a picture, in two layouts: a line across, and one down for a phone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tabbydoctor.reports.html.chain import Station, told
from tabbydoctor.reports.html.markup import Markup, element, joined

_RADIUS = 20
_MARKS = {
    "start": "M-7 0H7M1-6L7 0L1 6",
    "well": "M-8 1L-3 6L8-6",
    "attention": "M0-10V3M0 8V9",
    "broken": "M-7-7L7 7M-7 7L7-7",
    "affected": "M-7-7L7 7M-7 7L7-7",
    "unjudged": "M-5-5C-5-12 6-12 6-5C6 0 0-1 0 5M0 10V11",
}
"""State -> the strokes of its mark, so that no state is told by its colour alone."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where stations and their words stand."""

    name: str
    width: int
    height: int
    points: Sequence[tuple[int, int]]
    words: tuple[tuple[int, int], ...]
    """Of the name, the headline and what it goes by, from the middle of the station."""
    anchor: str


def picture(stations: Sequence[Station]) -> Markup:
    """Both layouts; the style shows the one that fits."""
    return joined(*(_drawn(layout, stations) for layout in (_across(stations), _down(stations))))


def _across(stations: Sequence[Station]) -> _Layout:
    width, step = 960, 960 // len(stations)
    points = [(step // 2 + at * step, 62) for at in range(len(stations))]
    return _Layout("across", width, 134, points, ((0, -36), (0, 46), (0, 65)), "middle")


def _down(stations: Sequence[Station]) -> _Layout:
    points = [(24, 34 + at * 78) for at in range(len(stations))]
    words = ((62, -16), (62, 5), (62, 24))
    return _Layout("down", 320, 78 * len(stations) - 6, points, words, "start")


def _drawn(layout: _Layout, stations: Sequence[Station]) -> Markup:
    title, words = f"{layout.name}-title", f"{layout.name}-words"
    return element(
        "svg",
        element("title", "The way of a request", id=title),
        element("desc", told(stations), id=words),
        *_lines(layout, stations),
        *(_station(layout, at, one) for at, one in zip(layout.points, stations, strict=True)),
        class_=f"way {layout.name}",
        viewBox=f"0 0 {layout.width} {layout.height}",
        role="img",
        aria_labelledby=title,
        aria_describedby=words,
    )


def _lines(layout: _Layout, stations: Sequence[Station]) -> Iterator[Markup]:
    for ((x1, y1), (x2, y2)), one in zip(pairwise(layout.points), stations[1:], strict=True):
        gap_x, gap_y = (_RADIUS + 6 if x1 != x2 else 0), (_RADIUS + 6 if y1 != y2 else 0)
        yield element(
            "line",
            class_="open" if one.reached else "closed",
            x1=x1 + gap_x,
            y1=y1 + gap_y,
            x2=x2 - gap_x,
            y2=y2 - gap_y,
        )


def _station(layout: _Layout, at: tuple[int, int], one: Station) -> Markup:
    lines = zip(("name", "headline", "told"), (one.name, one.headline, one.told), strict=True)
    spoken = [
        element("text", said, class_=kind, x=x, y=y, text_anchor=layout.anchor)
        for (kind, said), (x, y) in zip(lines, layout.words, strict=True)
    ]
    return element(
        "g",
        element("circle", r=_RADIUS),
        element("path", d=_MARKS[one.state]),
        *spoken,
        class_=f"station {one.state}{'' if one.reached else ' beyond'}",
        transform=f"translate({at[0]} {at[1]})",
    )
