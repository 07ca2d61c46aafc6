"""The page as a real Chromium lays it out: on a phone, on a desk and on paper, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs import require
from tests.reports.html.chromium import Chromium, chromium
from tests.reports.html.pages import COMMAND, PAGES, THIRTY, written
from tests.reports.reports import ONE_ROOT


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with chromium(require("chromium"), tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.mark.heavy
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "media"), [(360, "screen"), (1280, "screen"), (703, "print")])
@pytest.mark.parametrize("which", PAGES)
def test_it_fits(
    browser: Chromium, tmp_path: Path, which: str, width: int, media: str, scheme: str
) -> None:
    page = tmp_path / "page.html"
    page.write_text(written(PAGES[which]))
    browser.show(page, width, scheme, media)
    (tmp_path / f"{which}-{width}-{scheme}.png").write_bytes(browser.picture())
    assert browser.ask("document.documentElement.scrollWidth") <= width
    assert browser.ask("document.styleSheets.length") == 1, "its policy allows its own style"
    ground = browser.ask("getComputedStyle(document.body).backgroundColor")
    dark = scheme == "dark" and media == "screen"
    assert (ground == "rgb(16, 20, 25)") == dark
    shown = "[...document.querySelectorAll('svg')].filter(one => one.getClientRects().length)"
    assert browser.ask(f"{shown}.length") == 1
    assert browser.ask(f"{shown}[0].classList[1]") == ("down" if width == 360 else "across")
    overlapping = f"""(() => {{
        const boxes = [...{shown}[0].querySelectorAll('text')].map(t => t.getBoundingClientRect());
        return boxes.some((a, i) => boxes.slice(i + 1).some(b =>
            a.width && b.width && a.left < b.right && b.left < a.right
            && a.top + 4 < b.bottom && b.top + 4 < a.bottom));
    }})()"""
    assert browser.ask(overlapping) is False


@pytest.mark.heavy
def test_what_is_selected_is_the_command(browser: Chromium, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(written(THIRTY))
    browser.show(page, 360, "light")
    browser.ask("getSelection().selectAllChildren(document.querySelector('pre'))")
    assert browser.ask("getSelection().toString()") == COMMAND


@pytest.mark.heavy
def test_it_is_printed(browser: Chromium, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(written(ONE_ROOT))
    browser.show(page, 1280, "dark")
    assert browser.printed().startswith(b"%PDF-")
