"""The plan of a repair as it is shown: its summary last, its diff no longer than the screen."""

from __future__ import annotations

import pytest

from tabbydoctor.remedies.outcome import Prepared
from tabbydoctor.repair.changes import FileChange, Plan
from tabbydoctor.repair.states import FileState
from tabbydoctor.reports.repair_view import plan_page


def state(content: str) -> FileState:
    return FileState(content.encode(), 0o644, 0, 0)


def prepared(lines: int, line: str = "x") -> Prepared:
    after = "".join(f"{line}{number}\n" for number in range(lines))
    change = FileChange("/etc/f", state(""), state(after))
    return Prepared(Plan("write a file", files=(change,)), manual=("restart it",))


def shown(given: Prepared, rows: int | None) -> list[str]:
    return plan_page(given, 80, rows).text().splitlines()


def test_the_summary_is_last_and_a_pipe_gets_all() -> None:
    lines = shown(prepared(200), None)
    assert sum(line.startswith("+x") for line in lines) == 200
    assert lines.index("By hand: restart it") < lines.index("Plan: write a file")
    assert lines[-1] == "  edit /etc/f"


@pytest.mark.parametrize("rows", [21, 40])
def test_a_long_diff_is_shortened_to_the_rows_and_says_so(rows: int) -> None:
    lines = shown(prepared(200), rows)
    assert len(lines) == rows
    (left_out,) = [line for line in lines if line.startswith("…")]
    kept = sum(line.startswith("+x") for line in lines)
    assert left_out == f"… {200 - kept} more lines of the diff: --diff shows all"
    assert lines[-1] == "  edit /etc/f"


def test_lines_that_take_several_rows_count_as_such() -> None:
    lines = shown(prepared(20, "x" * 200), 21)
    assert sum(-(-len(line) // 80) or 1 for line in lines) <= 21


def test_a_diff_that_fits_is_whole() -> None:
    assert shown(prepared(3), 21) == shown(prepared(3), None)
