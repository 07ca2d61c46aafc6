"""From what came of a repair to the document of `fix`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, cast

from tabbydoctor.invocation import typed
from tabbydoctor.remedies.outcome import UNSEEN, FixResult, Prepared, SeenAnswer, Witness
from tabbydoctor.reports.documents.fix import AnswerPart, FixDocument, StepPart, WitnessPart


def repair_document(result: FixResult) -> FixDocument:
    """The document of `fix --format json`."""
    prepared, change, proof = result.prepared, result.change, result.proof
    return FixDocument(
        changes=list(_steps(prepared)),
        applied=result.applied,
        verified=result.verified,
        rolled_back=result.rolled_back,
        remaining=list(result.remaining),
        change=change.id if change else None,
        title=prepared.plan.title,
        notes=[*prepared.notes, *(change.notes if change else ()), *prepared.not_here],
        manual=[
            *prepared.manual,
            *_refused(prepared),
            *(prepared.restarts_left if result.applied else ()),
        ],
        seen=list(proof.seen) if proof else [],
        unproven=list(proof.unproven) if proof else [],
        before=_witnessed(proof.before if proof else UNSEEN),
        after=_witnessed(proof.after if proof else UNSEEN),
        exit_code=cast("Literal[0, 1, 2, 3]", result.exit_code),
    )


def _steps(prepared: Prepared) -> Iterator[StepPart]:
    for file in prepared.plan.files:
        reason = prepared.reasons.get(file.path, "")
        yield StepPart(id=reason, target=file.path, kind=file.kind, diff=file.diff())
    for action in prepared.plan.actions:
        reason = prepared.reasons.get(action.target, "")
        yield StepPart(id=reason, target=action.target, kind=action.kind, diff=None)


def _refused(prepared: Prepared) -> list[str]:
    ways = ((one, "\n".join(map(typed, one.manual.split("\n")))) for one in prepared.refusals)
    return [f"{one.id}: {one.message}\n{way}".rstrip() for one, way in ways]


def _witnessed(witness: Witness) -> WitnessPart:
    return WitnessPart(probe=_answer(witness.probe), request=_answer(witness.request))


def _answer(seen: SeenAnswer | None) -> AnswerPart | None:
    return AnswerPart(status=seen.status, by=seen.by, said=seen.said) if seen else None
