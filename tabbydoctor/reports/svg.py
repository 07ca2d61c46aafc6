"""The terminal look of a report as a picture, for the README."""

from __future__ import annotations

import io
import re

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tabbydoctor.diagnosis.report import Report
from tabbydoctor.reports.page import TERMINAL_WIDTH, Page
from tabbydoctor.reports.terminal import write_report

_ID = "tabbydoctor"
# A picture fetches nothing: the reader's own monospace font will do.
_WEB_FONT = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


def svg(report: Report, title: str, *, verbose: bool = False, width: int = TERMINAL_WIDTH) -> str:
    """The report as SVG, as a terminal of `width` columns shows it.

    The same report gives the same bytes: no time and no random id is in it.
    """
    page = Page(width)
    write_report(page, report, verbose=verbose)
    console = Console(
        file=io.StringIO(), record=True, width=width, force_terminal=True, color_system="truecolor"
    )
    for line in page.lines:
        console.print(Text.assemble(*line), soft_wrap=True, highlight=False)
    picture = console.export_svg(title=title, theme=MONOKAI, unique_id=_ID)
    return _WEB_FONT.sub("", picture)
