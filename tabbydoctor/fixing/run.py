"""`fix` in its steps, under one lock: recover, plan, agree, look, apply, prove."""

from __future__ import annotations

from collections.abc import Callable

from tabbydoctor.fixing.prepare import prepare
from tabbydoctor.fixing.proof import look, prove, stands
from tabbydoctor.fixing.serving import Progress
from tabbydoctor.fixing.standing import FaultsStanding
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass, replace
from tabbydoctor.remedies.outcome import FixResult, Prepared, Proof, RefusedRemedy, Witness
from tabbydoctor.remedies.request import FixRequest
from tabbydoctor.repair import interrupts, parsers
from tabbydoctor.repair.changes import Plan
from tabbydoctor.repair.engine import Apply, State
from tabbydoctor.targets import Targets

Agree = Callable[[Prepared], bool]
MakeHost = Callable[[], Host]


@dataclass(frozen=True, slots=True)
class Fix:
    """One `fix`: of which deployment, what was asked for, and who is asked and told."""

    host: MakeHost
    """Makes a fresh one for each look."""
    targets: Targets
    request: FixRequest
    state: State
    agree: Agree
    """Is shown the plan, and says whether it is to be carried out."""
    progress: Progress

    def run(self) -> FixResult:
        """Repair what was asked for; with a proof that fails everything is taken back.

        Raises NothingToExamine, RepairError; then nothing has changed. Where requests through the
        router are refused and reading finds nothing more to change, every client of it is wired.
        """
        result = self._run()
        if not self._refused_all_the_same(result):
            return result
        more = replace(self, request=replace(self.request, throughout=True))._run()
        return result if more.prepared.plan.empty else more

    def _refused_all_the_same(self, result: FixResult) -> bool:
        """Whether the router's requests are refused where reading finds nothing more to change."""
        request = self.request
        if not request.auth or not request.restart or result.applied or result.declined:
            return False
        if request.strategy == "disable-auth" or result.prepared.refusals:
            return False
        after = result.proof.after.request if result.proof else None
        return after is not None and after.auth_error

    def _run(self) -> FixResult:
        with self.state.repairing(restart=self.request.restart) as apply:
            with interrupts.open_to_interrupts():
                prepared = self.plan()
                if prepared.plan.empty:
                    return self._as_it_is(prepared)
                if not self.agree(prepared):
                    return FixResult(prepared, 1, declined=True)
                if broken := _refused_before(prepared):
                    return FixResult(broken, 1)
                before = self._look()
                stood = stands(self.host, self.targets, self.request)
            return self._apply(apply, prepared, before, stood)

    def dry_run(self) -> FixResult:
        """The plan alone: 0 where there is proven to be nothing to do, else 1. Touches nothing."""
        prepared = self.plan()
        return _as_read(prepared)

    def plan(self) -> Prepared:
        """Look and plan; nothing is changed."""
        return prepare(self.host(), self.targets, self.request, self.state.in_force())

    def _look(self) -> Witness:
        return look(self.host, self.targets, self.request)

    def _apply(
        self, apply: Apply, prepared: Prepared, before: Witness, stood: FaultsStanding | None
    ) -> FixResult:
        proofs: list[Proof] = []

        def verify() -> bool | None:
            proof = prove(
                self.host, self.targets, self.request, prepared, self.progress, before, stood
            )
            proofs.append(proof)
            return proof.verified

        change = apply(prepared.plan, verify)
        proof = proofs[-1] if proofs else None
        code = _exit_code(prepared, change.rolled_back, proof)
        return FixResult(prepared, code, change, proof)

    def _as_it_is(self, prepared: Prepared) -> FixResult:
        """Nothing is to be changed: what runs is asked all the same, as reading may be wrong."""
        if not prepared.nothing_to_do or not prepared.asks_router:
            return _as_read(prepared)
        seen = self._look()
        refused = seen.request is not None and seen.request.auth_error
        accepted = seen.request is not None and seen.request.accepted
        if refused:
            why = (
                "nothing is left to change, and a request through the router ends in "
                f"{seen.request}"
            )
        else:
            why = prepared.unproven
        proven = accepted or (not refused and not prepared.unproven)
        proof = Proof(
            True if accepted else None, unproven=() if proven else (why,), before=seen, after=seen
        )
        return FixResult(prepared, 0 if proven else 1, proof=proof)


def _as_read(prepared: Prepared) -> FixResult:
    """What it comes to where nothing is done, and nobody is asked."""
    proven = prepared.nothing_to_do and not prepared.unproven
    proof = Proof(None, unproven=(prepared.unproven,)) if prepared.unproven else None
    return FixResult(prepared, int(not proven), proof=proof)


def _refused_before(prepared: Prepared) -> Prepared | None:
    """What is left where a program's own parser refuses its files before anything is changed."""
    refused = parsers.refusals(prepared.plan.parsers)
    if not refused:
        return None
    why = (
        RefusedRemedy(prepared.present[0] if prepared.present else "fix", one) for one in refused
    )
    return replace(prepared, plan=Plan(""), refusals=(*prepared.refusals, *why))


def _exit_code(prepared: Prepared, rolled_back: bool, proof: Proof | None) -> int:
    if rolled_back:
        return 3
    proven = proof is not None and proof.verified is True and not proof.remaining
    by_hand = prepared.refusals or prepared.manual
    return 0 if proven and not by_hand else 1
