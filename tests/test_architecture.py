"""docs/architecture.md tells of every room that there is, in the order that the contracts hold."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGE = (DOCS / "architecture.md").read_text(encoding="utf-8")
PICTURE = DOCS / "architecture.svg"
CHECKS = "tabbydoctor_checks"


def contracts() -> ConfigParser:
    parser = ConfigParser()
    parser.read(ROOT / ".importlinter")
    return parser


def layers() -> list[set[str]]:
    """From the top; what stands on one line knows nothing of each other."""
    lines = contracts()["importlinter:contract:flow"]["layers"].split("\n")
    return [set(line.replace("tabbydoctor.", "").split(" | ")) for line in lines if line.strip()]


def told() -> list[str]:
    """The rooms that have a paragraph, in its order."""
    names = re.findall(r"^\*\*`([\w.]+/?)`\*\*", PAGE, re.MULTILINE)
    plain = [name.removesuffix(".py").removesuffix("/") for name in names]
    return [CHECKS if name == "checks" else name for name in plain]


def rooms() -> set[str]:
    """The packages that there are, and the modules beside them."""
    inside = {
        path.stem
        for path in (ROOT / "tabbydoctor").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    return inside - {"__init__"} | {CHECKS}


def test_every_room_stands_in_the_order_of_the_contract() -> None:
    ordered = layers()
    assert set().union(*ordered) == rooms()
    assert sum(map(len, ordered)) == len(rooms())


def test_every_room_has_its_paragraph_in_that_order() -> None:
    names, start = told(), 0
    for layer in layers():
        assert set(names[start : start + len(layer)]) == layer
        start += len(layer)
    assert len(names) == start


def test_every_package_is_told_as_one() -> None:
    for name in re.findall(r"`([a-z_]+)/`", PAGE):
        place = ROOT / name if name in ("checks", "tests") else ROOT / "tabbydoctor" / name
        assert place.is_dir(), name


def test_every_rule_is_told_by_its_name() -> None:
    table = PAGE[PAGE.index("| rule |") :]
    told = set(re.findall(r"^\| ([A-Z][^|]+?) \|", table, re.MULTILINE))
    parser = contracts()
    assert told == {parser[one]["name"] for one in parser.sections() if ":" in one}


def test_the_picture_shows_rooms_that_there_are() -> None:
    assert f"]({PICTURE.name})" in PAGE
    drawn = ElementTree.parse(PICTURE).getroot()
    shown = {
        name.removesuffix("/")
        for text in drawn.iter("{http://www.w3.org/2000/svg}text")
        if text.get("class") == "room"
        for name in (text.text or "").split()
    }
    assert len(shown) > 8
    assert shown - {"checks"} <= rooms()


def test_the_picture_tells_itself_and_can_be_read_in_the_dark() -> None:
    text = PICTURE.read_text(encoding="utf-8")
    assert "<desc" in text
    light, _, dark = text.partition("prefers-color-scheme: dark")
    drawn = set(re.findall(r"class=\"([a-z]+)\"", text)) - {"look", "mend", "start"}
    assert all(f".{name}" in light and f".{name}" in dark for name in drawn)
