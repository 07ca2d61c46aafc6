"""What `fix` shows: the plan before, and what came of it after."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from rich.cells import cell_len

from tabbydoctor.invocation import again, typed
from tabbydoctor.nixos.by_rebuild import THEN
from tabbydoctor.nixos.one_block import one_block
from tabbydoctor.redaction import redact
from tabbydoctor.remedies.outcome import FixResult, Prepared
from tabbydoctor.reports.page import Page
from tabbydoctor.reports.visible import visible

_TITLE = "Plan: "
_STARTS = ("restart", "reload", "enable")
"""Actions on what runs, which `--no-restart` leaves to the operator."""


def as_json(result: FixResult) -> dict[str, Any]:
    """The document of `fix --format json`."""
    from tabbydoctor.reports.documents.base import plain
    from tabbydoctor.reports.repair_document import repair_document

    return plain(repair_document(result))


def plan_page(prepared: Prepared, width: int, rows: int | None = None) -> Page:
    """The plan, without secrets, and its summary last: the diff, what is left to do by hand, what
    becomes of which file, and what is restarted. `rows` is what may be filled of a screen: of a
    longer diff the beginning is shown.
    """
    diff = prepared.plan.diff()
    others = [redact(_by_hand(prepared, width)), redact(_steps_text(prepared, width))]
    below = [
        line for part in others if part.strip() for line in ("", *part.strip("\n").split("\n"))
    ]
    page = Page(width)
    if diff:
        lines = [visible(line) for line in diff.rstrip("\n").split("\n")]
        room = len(lines) if rows is None else _fitting(lines, rows - len(below) - 1, width)
        page.lines += [[(line, _diff_style(line))] for line in lines[:room]]
        if room < len(lines):
            page.flow((f"… {len(lines) - room} more lines of the diff: --diff shows all", "bold"))
    for line in below if diff else below[1:]:
        page.lines.append([(line, "bold" if line.startswith(_TITLE) else "")])
    return page


def _fitting(lines: list[str], rows: int, width: int) -> int:
    """How many of the lines fill no more rows of a terminal; a longer line takes several."""
    taken = list(accumulate(max(1, -(-cell_len(line) // width)) for line in lines))
    if taken[-1] <= rows + 1:  # nothing is left out to say so
        return len(lines)
    return sum(end <= rows for end in taken)


def _diff_style(line: str) -> str:
    if line.startswith(("+++", "---", "diff ")):
        return "bold"
    return {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")


def _steps_text(prepared: Prepared, width: int) -> str:
    page = Page(width)
    if not prepared.plan.empty:
        page.flow((f"{_TITLE}{prepared.plan.title or 'repair'}", "bold"))
        page.blank()
    for change in prepared.plan.files:
        page.flow((f"{change.kind} {change.path}", ""), indent=2, hang=4)
    for action in prepared.plan.actions:
        left = " (left to you: --no-restart)" * (action.kind in _STARTS and not prepared.restart)
        page.flow((f"{action.kind} {action.target}{left}", ""), indent=2, hang=4)
    for note in prepared.notes:
        page.flow((f"- {note}", ""), indent=2, hang=4)
    return page.text()


def question(prepared: Prepared) -> str:
    """What is asked before it is done: the plan in a line, as its diff may be long."""
    files = len(prepared.plan.files)
    changed = [f"change {files} file{'s' if files != 1 else ''}"] if files else []
    told = []
    for kind in ("reload", "restart"):
        units = [one.target for one in prepared.plan.actions if one.kind == kind]
        told += [f"{kind} {', '.join(units)}"] if units and prepared.restart else []
    what = " and ".join([*changed, *told]) or "apply it"
    return f"{what[0].upper()}{what[1:]}?"


def _verbatim(page: Page, text: str) -> None:
    for line in text.rstrip("\n").split("\n"):
        page.verbatim(typed(line))


def _by_hand(prepared: Prepared, width: int) -> str:
    page = Page(width)
    for text in prepared.manual:
        page.blank()
        page.flow((f"By hand: {text}", ""), hang=2)
    of_nix = [one.manual for one in prepared.refusals if THEN in one.manual.splitlines()]
    for refusal in prepared.refusals:
        page.blank()
        word = "done" if refusal.id == "disable-auth" else "repaired"
        page.flow((f"{refusal.id} is not {word}: {refusal.message}", ""), hang=2)
        if refusal.manual and refusal.manual not in of_nix:
            page.blank()
            _verbatim(page, refusal.manual)
    if of_nix:
        page.blank()
        _verbatim(page, one_block(of_nix))
    return page.text()


def outcome_text(result: FixResult, width: int) -> str:
    """What came of it, in a few lines."""
    page = Page(width)
    proof = result.proof
    for line in (*proof.lines, *proof.seen) if proof else ():
        page.flow((f"- {line}", ""), indent=2, hang=4)
    for line in proof.unproven if proof else ():
        page.flow((f"- not proven: {line}", ""), indent=2, hang=4)
    for note in result.change.notes if result.change else ():
        page.flow((f"- {note}", ""), indent=2, hang=4)
    for line in result.prepared.not_here:
        page.flow((f"- {line}", ""), indent=2, hang=4)
    page.flow((_verdict(result), "bold"))
    for command in result.prepared.restarts_left if result.applied else ():
        page.command(command, indent=2)
    if result.change and result.change.left:
        page.flow((f"Changed by somebody else, and left: {', '.join(result.change.left)}", ""))
    if result.applied and result.change and result.change.id:
        page.flow((f"To take it back: {again(f'undo {result.change.id}')}", ""))
    return page.text()


def _verdict(result: FixResult) -> str:
    if result.rolled_back:
        return "It did not work: everything is as it was before."
    if result.declined:
        return "Nothing was changed."
    if result.prepared.nothing_to_do and result.exit_code:
        return "Nothing was changed, and whether that is right could not be proven: see above."
    if result.prepared.nothing_to_do:
        return "Nothing to do."
    if result.change is None:
        return "Nothing was changed; see above for what to do by hand."
    if result.verified:
        return "Repaired, and seen to work."
    if result.prepared.restarts_left:
        return "Changed. It works from the next start on, which is left to you:"
    return "Changed, but not seen to work yet: see above."
