"""The table of the outcomes, in Markdown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from tests.lab.faults import CATALOGUE, PAIRS, Fault
from tests.lab.faults.unshown import UNSHOWN
from tests.lab.healthy import VARIANTS, Variant
from tests.lab.outcome import Outcome

HEAD = """\
# How often is the doctor right?

Every fault below is made to a healthy deployment (TabbyAPI, a router, two backends: real units of
a real systemd), and the installed `tabbydoctor check` is asked what is wrong. Where it should be
repairable, `tabbydoctor fix` repairs it, `check` and a request through the router prove it, and
`undo` takes it back. This page is generated: see `tests/lab/README.md`.

"Evidence true": each piece of evidence that is shown for the root was read again on the machine
with `sed`, `stat`, `systemctl`, `journalctl` or `curl`, and is so (– where nothing can be read
again, as with what the GPU's stand-in says). "Pasted": the first remedy that is printed was pasted
as it stands, and `check` run again; where it leaves a choice to a person, or only looks, nothing
was pasted. "Not cured" are also those whose remedy needs nvidia-smi or a driver's module, which the
lab has not: `NOT_TO_BE_SHOWN` in `tests/lab/pasted.py` names them.

The faults are the project's own, and the doctor was built with them at hand: the shares tell what
is kept from one change to the next, not the odds for a fault that nobody has thought of.
[How far it helps with what others reported](reports.md) is told report by report.
"""
COLUMNS = (
    *("fault", "expected", "named", "root first", "evidence true", "false alarms"),
    *("pasted", "repaired", "undone", "s"),
)
PASTED = {
    "cured": "cured",
    "asks": "asks a person",
    "looks": "only looks",
    "wrong": "**not cured**",
}
TRIED = (PASTED["cured"], PASTED["wrong"])
"""Those that were pasted."""
_PASTED = COLUMNS.index("pasted")
SECONDS = re.compile(r" \d+ \|$")


def table(outcomes: Sequence[Outcome]) -> str:
    """The whole page."""
    parts = [HEAD, _totals(outcomes)]
    for kind, title in (
        ("fault", "Single faults"), ("pair", "Two faults at once"), ("healthy", "Healthy variants"),
    ):  # fmt: skip
        rows = [one for one in outcomes if one.kind == kind]
        if rows:
            parts += [f"## {title}\n", _rows(rows, healthy=kind == "healthy")]
    return "\n".join([*parts, _unshown(), _stand_in_only()])


def rows(page: str) -> list[str]:
    """The rows of the page's cases, without the seconds: what depends on the doctor alone."""
    found = (line for line in page.splitlines() if SECONDS.search(line))
    return [_unpasted(SECONDS.sub(" |", line)) for line in found]


def names(page: str) -> list[str]:
    """The cases that have a row, in its order."""
    return [row.split(" | ")[0].removeprefix("| ") for row in rows(page)]


def pasted(page: str) -> dict[str, str]:
    """What came of pasting, by fault, as the page's first table has it."""
    first = page.partition("## Two faults")[0].partition("## Single faults")[2]
    cells = (line.split(" | ") for line in first.splitlines() if SECONDS.search(line))
    return {row[0].removeprefix("| "): row[_PASTED] for row in cells}


def _unpasted(row: str) -> str:
    """Without what another test has to say."""
    cells = row.split(" | ")
    return " | ".join(cells[:_PASTED] + cells[_PASTED + 1 :]) if len(cells) > _PASTED else row


def _totals(outcomes: Sequence[Outcome]) -> str:
    faults = [one for one in outcomes if one.kind == "fault"]
    pairs = [one for one in outcomes if one.kind == "pair"]
    healthy = [one for one in outcomes if one.kind == "healthy"]
    repairs = [one.repair for one in outcomes if one.repair]
    lines = [
        "| | | |",
        "|---|---|---|",
        _share("single faults: the root is named first", [one.first for one in faults]),
        _share("pairs: both roots are named", [one.first for one in pairs]),
        _share("faults and pairs: no false alarm", [not one.alarms for one in [*faults, *pairs]]),
        _share(
            "evidence: read again without the doctor, and so",
            [all(one.evidence.values()) for one in [*faults, *pairs] if one.evidence],
        ),
        _share(
            "first remedies that leave nothing to a person, pasted: cured",
            [one.pasted == "cured" for one in faults if one.pasted in ("cured", "wrong")],
        ),
        _share("healthy variants: no error, no warning", [one.diagnosed for one in healthy]),
        _share("repairs: done and verified", [not one.problem for one in repairs]),
        _share("undone to the byte", [not one.undo_problem for one in repairs]),
    ]
    return "\n".join([*lines, ""])


def _share(what: str, each: Iterable[bool]) -> str:
    verdicts = list(each)
    share = f"{100 * sum(verdicts) / len(verdicts):.1f} %" if verdicts else "–"
    return f"| {what} | {sum(verdicts)} of {len(verdicts)} | {share} |"


def _rows(outcomes: Sequence[Outcome], *, healthy: bool) -> str:
    if healthy:
        lines = ["| variant | errors and warnings | s |", "|---|---|---|"]
        lines += [f"| {one.name} | {_list(one.alarms)} | {one.seconds:.0f} |" for one in outcomes]
        return "\n".join([*lines, ""])
    return "\n".join([f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}",
                      *map(_row, outcomes), ""])  # fmt: skip


def _row(one: Outcome) -> str:
    repair = one.repair
    cells = [
        one.name,
        ", ".join(one.roots),
        _list(one.named) if not one.remark else "a remark",
        _yes(one.first),
        _yes(all(one.evidence.values())) if one.evidence else "–",
        _list(one.alarms),
        PASTED.get(one.pasted, "–"),
        _yes(not repair.problem) if repair else "–",
        _yes(not repair.undo_problem) if repair else "–",
        f"{one.seconds:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def _unshown() -> str:
    if not UNSHOWN:
        return "Every id of `tabbydoctor list` is shown by one of these.\n"
    lines = ["## Ids that no fault shows\n", "| id | why |", "|---|---|"]
    return "\n".join([*lines, *(f"| {id} | {why} |" for id, why in UNSHOWN.items()), ""])


def _stand_in_only() -> str:
    """What a real TabbyAPI cannot be asked for here; of everything else it gives the same rows."""
    subjects: list[Fault | Variant] = [*CATALOGUE.values(), *PAIRS.values(), *VARIANTS.values()]
    reasons = Counter(one.stand_in for one in subjects if one.stand_in)
    lines = [
        "## With a real TabbyAPI\n",
        f"{len(subjects) - reasons.total()} of these {len(subjects)} cases can be run with a real "
        "TabbyAPI on a machine without a GPU\n(`--real`), and give the same rows. The others:\n",
        "| cases | why only with the stand-in |",
        "|---|---|",
    ]
    return "\n".join([*lines, *(f"| {count} | {why} |" for why, count in reasons.items()), ""])


def _list(ids: Sequence[str]) -> str:
    return ", ".join(ids) or "–"


def _yes(value: bool) -> str:
    return "yes" if value else "**no**"
