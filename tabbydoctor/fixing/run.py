"""`fix` in its steps: recover, look and plan, agree, apply, prove, and say what remains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tabbydoctor.fixing.prepare import prepare
from tabbydoctor.fixing.proof import look, prove
from tabbydoctor.fixing.request import FixRequest, FixResult, Prepared, Proof
from tabbydoctor.fixing.serving import Progress
from tabbydoctor.host import Host
from tabbydoctor.repair import interrupts
from tabbydoctor.repair.engine import State
from tabbydoctor.targets import Targets

Agree = Callable[[Prepared], bool]
MakeHost = Callable[[], Host]


def dry_run(
    host: MakeHost, targets: Targets, request: FixRequest, state: State | None = None
) -> FixResult:
    """The plan alone: 0 where there is proven to be nothing to do, else 1. Touches nothing."""
    prepared = prepare(host(), targets, request, state.in_force() if state else ())
    proven = prepared.nothing_to_do and not prepared.unproven
    proof = Proof(None, unproven=(prepared.unproven,)) if prepared.unproven else None
    return FixResult(prepared, int(not proven), proof=proof)


def fix(
    host: MakeHost,
    targets: Targets,
    request: FixRequest,
    state: State,
    agree: Agree,
    progress: Progress,
) -> FixResult:
    """Repair what was asked for. Raises NothingToExamine, RepairError; then nothing has changed.

    A plan is shown to `agree` first. With a proof that fails everything is taken back.
    """
    with interrupts.held():
        result = _fix(host, targets, request, state, agree, progress)
        if not _refused_all_the_same(request, result):
            return result
        further = replace(request, options=replace(request.options, throughout=True))
        more = _fix(host, targets, further, state, agree, progress)
        return result if more.prepared.plan.empty else more


def _refused_all_the_same(request: FixRequest, result: FixResult) -> bool:
    """Whether the router's requests are refused where reading it finds nothing more to change."""
    if not request.auth or not request.restart or result.applied or result.declined:
        return False
    if request.options.strategy == "disable-auth" or result.prepared.refusals:
        return False
    after = result.proof.after.request if result.proof else None
    return after is not None and after.auth_error


def _fix(
    host: MakeHost,
    targets: Targets,
    request: FixRequest,
    state: State,
    agree: Agree,
    progress: Progress,
) -> FixResult:
    with interrupts.open_to_interrupts():
        first = prepare(host(), targets, request, state.in_force())
        if first.plan.empty:
            return _as_it_is(host, targets, request, first)
        if not agree(first):
            return FixResult(first, 1, declined=True)
    with state.lock():
        state.recover(restart=request.restart)
        # Again, under the lock: what was just agreed to must still be what there is.
        with interrupts.open_to_interrupts():
            prepared = prepare(host(), targets, request, state.in_force())
            before = look(host, targets, request)
        proofs: list[Proof] = []

        def verify() -> bool | None:
            proofs.append(prove(host, targets, request, prepared, progress, before))
            return proofs[-1].verified

        change = state.apply(prepared.plan, verify, restart=request.restart)
    proof = proofs[-1] if proofs else None
    code = _exit_code(prepared, change.rolled_back, proof)
    return FixResult(prepared, code, change, proof)


def _as_it_is(
    host: MakeHost, targets: Targets, request: FixRequest, prepared: Prepared
) -> FixResult:
    """Nothing is to be changed: what runs is asked all the same, as reading may be wrong."""
    if not prepared.nothing_to_do or not prepared.asks_router:
        return FixResult(prepared, int(not prepared.nothing_to_do))
    seen = look(host, targets, request)
    refused = seen.request is not None and seen.request.auth_error
    accepted = seen.request is not None and seen.request.accepted
    if refused:
        why = f"nothing is left to change, and a request through the router ends in {seen.request}"
    else:
        why = prepared.unproven
    proven = accepted or (not refused and not prepared.unproven)
    proof = Proof(
        True if accepted else None, unproven=() if proven else (why,), before=seen, after=seen
    )
    return FixResult(prepared, 0 if proven else 1, proof=proof)


def _exit_code(prepared: Prepared, rolled_back: bool, proof: Proof | None) -> int:
    if rolled_back:
        return 3
    proven = proof is not None and proof.verified is True and not proof.remaining
    by_hand = prepared.refusals or prepared.draft.manual
    return 0 if proven and not by_hand else 1
