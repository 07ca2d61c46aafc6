"""docs/reports.md: what others met, and how far the doctor helps with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.field.reports import GRADES, FieldReport

HEAD = """\
# Does the doctor help with what others met?

Twenty reports from public threads: the first that a search gives whose words were named before it
was made. Each is built anew as a scratch machine (its files, unit, log and answers) from what the
thread shows, and the whole doctor is run over it. Its output is graded against the end of the
thread, by a reader who had no part in the doctor. Nothing of the threads is copied here but lines
that the programs themselves print; symptoms and ends are told in the project's words. This page is
generated: see `tests/field/`.

What a thread does not tell is assumed or concluded, and said so; each machine is simpler than the
one it was met on. The threads are public, and the project had read some of them before (#205, #334,
#347, #381 and #389 of TabbyAPI); and kinds of fault that the first run showed as missing were then
mended, before the grading. A first reader found 10 helped, 3 partly, 4 silent and 3 misled; kinds
that this showed were mended, too, and another reader graded what is said now. So the shares say
what is helped now, not the odds for the next report.
[How often the doctor is right](accuracy.md) about the project's own faults stands elsewhere.
"""


def page(reports: Sequence[FieldReport], search: Mapping[str, Any]) -> str:
    """The whole page."""
    parts = (HEAD, _sums(reports), _missing(reports), _rows(reports), _search(search))
    return "\n".join(parts)


def _sums(reports: Sequence[FieldReport]) -> str:
    found = Counter(one.verdict.grade for one in reports)
    lines = ["| grade | reports | meaning |", "|---|---|---|"]
    for grade, meaning in GRADES.items():
        if found[grade] or (grade in ("helped", "misled") and found["not graded"] < len(reports)):
            lines.append(f"| {grade} | {found[grade]} of {len(reports)} | {meaning} |")
    return "\n".join([*lines, ""])


def _missing(reports: Sequence[FieldReport]) -> str:
    kinds = Counter(one.verdict.missing for one in reports if one.verdict.missing)
    if not kinds:
        return ""
    lines = ["## What was missing, by kind\n", "| kind | reports |", "|---|---|"]
    return "\n".join([*lines, *(f"| {kind} | {n} |" for kind, n in kinds.most_common()), ""])


def _rows(reports: Iterable[FieldReport]) -> str:
    lines = [
        "## The reports\n",
        "| thread | symptom | how it ended | the doctor says | grade | what is missing |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *map(_row, reports), "", *_differences(reports), ""])


def _row(one: FieldReport) -> str:
    says = f"{', '.join(one.roots)}: {one.remedy or one.evidence}" if one.roots else one.evidence
    verdict = one.verdict
    grade = f"**{verdict.grade}**" if verdict.grade == "misled" else verdict.grade
    if verdict.why:
        grade = f"{grade}: {verdict.why}"
    thread = f"[{one.thread}]({one.url}), {one.met}"
    cells = (thread, one.symptom, one.ended, says, grade, verdict.missing or "–")
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _differences(reports: Iterable[FieldReport]) -> list[str]:
    title = "How the machine that was built differs from the one that was reported:\n"
    return [title, *(f"- {one.thread}: {one.rebuilt}" for one in reports)]


def _search(search: Mapping[str, Any]) -> str:
    lines = [
        "## The search\n",
        f"Made on {search['made']} in {search['corpus']}, in this order,",
        "until twenty were kept. A thread is kept where an operator met a failure of a running",
        "TabbyAPI, of exllama under it or of a client in front of it, and where it says how that",
        "ended, or the reporter says what cured it or was the cause.",
        f"{_lengthened(search)}\n",
        *(f"{number}. {query}" for number, query in enumerate(search["queries"], 1)),
        "",
        "Skipped:\n",
        *(f"- {reason}: {', '.join(threads)}" for reason, threads in search["skipped"].items()),
    ]
    return "\n".join([*lines, ""])


def _lengthened(search: Mapping[str, Any]) -> str:
    """How often the list grew, each time before its further queries were made."""
    steps = [f"the first {one['queries']} gave {one['kept']}" for one in search["steps"]]
    return (
        "The list was lengthened while it gave fewer than twenty, each time before the further "
        f"queries were made: {', '.join(steps)}."
    )
