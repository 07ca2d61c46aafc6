"""`python -m tests.field` makes docs/reports.md anew; `… DIRECTORY` writes there what to grade.

A file for a reader holds the symptom, the end of the thread and what `check` prints, no more.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.field.page import page
from tests.field.reports import FieldReport, reports, search
from tests.field.scene import build

PAGE = Path(__file__).parents[2] / "docs" / "reports.md"


def to_grade(one: FieldReport, directory: Path) -> None:
    """Write what a reader needs for one grade. Needs root, as the scenes do."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "machine")
        root.mkdir()
        output = build(root, dict(one.scene)).check().text
    told = f"SYMPTOM\n{one.symptom}\n\nHOW THE THREAD ENDED\n{one.ended}\n\nTHE DOCTOR SAYS\n"
    (directory / f"{one.name}.txt").write_text(f"{told}{output}", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        for each in reports():
            to_grade(each, Path(sys.argv[1]))
    else:
        PAGE.write_text(page(reports(), search()), encoding="utf-8")
