"""The picture of a report."""

from __future__ import annotations

from xml.etree import ElementTree

from tabbydoctor.reports.svg import svg
from tests.reports.reports import ONE_ROOT, hostile


def test_it_is_the_same_each_time_and_shows_the_report() -> None:
    picture = svg(ONE_ROOT, "tabbydoctor check")
    assert picture == svg(ONE_ROOT, "tabbydoctor check")
    assert "CFG004" in picture
    assert "url(" not in picture.replace("url(#", "")


def test_it_is_well_formed_whatever_the_values() -> None:
    ElementTree.fromstring(svg(hostile("<a>&\x1b\ud800"), "a < b"))
