"""How often the doctor is right: every fault, every pair and every healthy variant, examined.

    python -m tests.lab.accuracy [--real] [--only NAME] [--output FILE]

runs it as root and prints the table.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal, Protocol, TypeVar

from tests.lab.accuracy_table import table
from tests.lab.deployment import ADMIN_KEY, API_KEY, UNITS, Deploy, Deployment, RealServer
from tests.lab.faults import CATALOGUE, PAIRS, Fault
from tests.lab.healthy import VARIANTS, Variant
from tests.lab.installed import CACHE, REPOSITORY, Installed, installed
from tests.lab.machine import CommandError, Machine
from tests.lab.outcome import Outcome, Repair, broken_checks, faults_in, shown_in, told

WATCHED = ("/opt/llm-router", "/etc", "/home")
"""What a repair may touch, and an undo must leave as it was."""
__all__ = ["REPOSITORY", "Case", "cases", "examinations", "examine", "runnable"]
MACHINES = 2
"""One for each core of a small CI machine."""
UNCERTAIN = ("__pycache__", "/TabbyAPI/logs", "/etc/ld.so.cache")
"""What Python, TabbyAPI and the machine write by themselves."""

Kind = Literal["fault", "pair", "healthy"]
T = TypeVar("T")


class Submit(Protocol):
    """Has a task done on a machine of its own, in the background."""

    def __call__(self, task: Callable[[Deploy], T]) -> Future[T]: ...


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    kind: Kind
    subject: Fault | Variant
    roots: tuple[str, ...] = ()
    """The ids that must be named; none for a healthy variant."""

    @property
    def name(self) -> str:
        return self.subject.name

    @property
    def known_wrong(self) -> bool:
        """The doctor is known not to be right about it, and the fault says why."""
        fault = self.subject
        return isinstance(fault, Fault) and bool(fault.miss or fault.unfixed)


def cases() -> list[Case]:
    """All of them: healthy variants, single faults, pairs."""
    return [
        *(Case("healthy", one) for one in VARIANTS.values()),
        *(Case("fault", one, (one.root,)) for one in CATALOGUE.values()),
        *(Case("pair", one, (one.root, *one.also)) for one in PAIRS.values()),
    ]


def examine(deploy: Deploy, case: Case) -> Outcome:
    """Make it on a fresh machine, and see what the doctor says and does."""
    begun = time.monotonic()
    subject = case.subject
    try:
        if isinstance(subject, Fault):
            outcome = _examine_fault(deploy, case, subject)
        else:
            outcome = _examine_healthy(deploy, case, subject)
    except (CommandError, TimeoutError) as error:
        outcome = Outcome(case.kind, case.name, case.roots, problem=f"not to be made: {error}")
    return replace(outcome, seconds=time.monotonic() - begun)


# Healthy variants


def _examine_healthy(deploy: Deploy, case: Case, variant: Variant) -> Outcome:
    d = deploy(**variant.deploy)
    variant.arrange(d)
    d.machine.systemctl("daemon-reload")
    variant.start(d)
    forwarded = _forwards(d) if variant.forwards else ""
    outcome, _ = _checked(d, case, variant.arguments, variant.doctor_env)
    return replace(outcome, problem=outcome.problem or forwarded)


# Faults


def _examine_fault(deploy: Deploy, case: Case, fault: Fault) -> Outcome:
    d = deploy(**fault.deploy)
    make(d, fault)
    outcome, said = _checked(d, case, fault.arguments, fault.doctor_env)
    allowed = {*case.roots, *fault.also, *fault.consequences}
    strays = set(outcome.named) - {*case.roots, *fault.also}
    alarms = sorted(faults_in(said) - allowed | {f"{id} as a root" for id in strays})
    outcome = replace(outcome, alarms=tuple(alarms))
    return replace(outcome, repair=repair(d, fault)) if fault.fix else outcome


def make(d: Deployment, fault: Fault) -> None:
    """Make the fault, and wait until it has taken effect."""
    if fault.healthy:
        fault.healthy(d)
    if fault.when == "before":
        fault.mutate(d)
    d.machine.systemctl("daemon-reload")
    if fault.answers:
        d.start()
        d.wait_ready()
    else:
        d.machine.run(["systemctl", "start", "--no-block", *UNITS], check=False)
    if fault.when == "running":
        fault.mutate(d)
    if fault.waits_for is not None:
        takes_effect = fault.waits_for
        d.machine.wait_for(lambda: takes_effect(d), f"{fault.name} to show", 30)


def _checked(
    d: Deployment, case: Case, arguments: Iterable[str], env: Any
) -> tuple[Outcome, dict[str, Any]]:
    """What `check` says, and whether it is sound whatever it says."""
    ran = d.doctor("check", *arguments, "--format", "json", env=env)
    said = ran.document
    if "error" in said:
        problem = f"check could not run: {said['error']['message']}"
        return Outcome(case.kind, case.name, case.roots, problem=problem), {"checks": []}
    crashed = broken_checks(said)
    problem = f"crashed: {crashed}" if crashed else ""
    if any(secret in ran.stdout + ran.stderr for secret in (API_KEY, ADMIN_KEY)):
        problem = "a secret was shown"
    outcome = Outcome(
        case.kind,
        case.name,
        case.roots,
        named=tuple(root["root"] for root in said["diagnosis"]),
        alarms=tuple(sorted(faults_in(said))),
        shown=frozenset(shown_in(said)),
        remark=isinstance(case.subject, Fault) and case.subject.remark,
        exit_code=ran.exit_code,
        problem=problem,
        told=told(said, case.roots),
    )
    return outcome, said


# Repairs


def repair(d: Deployment, fault: Fault) -> Repair:
    """Fix it, prove it, take it back."""
    before = watched(d)
    fixed = d.doctor("fix", *fault.fix, "--yes", "--format", "json", env=fault.doctor_env)
    problem = _not_fixed(fixed.exit_code, fixed.document) or _still_ill(d, fault)
    if any(secret in fixed.stdout + fixed.stderr for secret in (API_KEY, ADMIN_KEY)):
        problem = "a secret was shown"
    changed = watched(d) != before
    undone = d.doctor("undo")
    if undone.exit_code and changed:
        return Repair(problem, f"undo: {undone.stderr or undone.stdout}")
    after = watched(d)
    differs = [path for path in before.keys() | after if before.get(path) != after.get(path)]
    return Repair(problem, f"differs: {', '.join(sorted(differs))}" if differs else "")


def _not_fixed(exit_code: int, document: dict[str, Any]) -> str:
    if exit_code == 0 and document.get("verified") is True:
        return ""
    told = {key: value for key, value in document.items() if key != "changes"}
    return f"fix: {json.dumps(told)}"


def _still_ill(d: Deployment, fault: Fault) -> str:
    """Why it is not well after a repair; empty where it is."""
    try:
        d.wait_ready()
    except TimeoutError as error:
        return str(error)
    said = d.doctor("check", *fault.arguments, "--format", "json", env=fault.doctor_env).document
    left = faults_in(said)
    return f"afterwards: {told(said)}" if left else _forwards(d)


def _forwards(d: Deployment) -> str:
    """Why a request through the router fails; empty where TabbyAPI answers it as it should."""
    answer = d.forward()
    reached = answer.status not in (0, 401, 403) and "not reachable" not in answer.body
    return "" if reached else f"the router: {answer.status} {answer.body[:200]}"


def watched(d: Deployment) -> dict[str, object]:
    """Every file that a repair may touch."""
    found = d.machine.snapshot(list(WATCHED))
    return {
        str(path): state
        for path, state in found.items()
        if not any(part in str(path) for part in UNCERTAIN)
    }


# All of them


@contextmanager
def examinations(
    chosen: Sequence[Case], place: Installed, real: RealServer | None
) -> Iterator[dict[str, Future[Outcome]]]:
    """Examine them in their order, on machines that are made new for each case."""
    with machines(place, real) as submit:
        yield {case.name: submit(partial(examine, case=case)) for case in chosen}


@contextmanager
def machines(place: Installed, real: RealServer | None) -> Iterator[Submit]:
    """Two machines, and what has a task done on one of them as soon as it is idle and new."""
    CACHE.mkdir(exist_ok=True)
    idle: SimpleQueue[Machine] = SimpleQueue()
    with ExitStack() as stack:
        for _ in range(MACHINES):
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            idle.put(stack.enter_context(Machine.boot(scratch, shown=[CACHE])))
        workers = ThreadPoolExecutor(MACHINES)
        stack.callback(workers.shutdown, cancel_futures=True)

        def on_a_new_one(task: Callable[[Deploy], T]) -> T:
            machine = idle.get()
            try:
                machine.reset()
                return task(partial(Deployment.deploy, machine, place, real=real))
            finally:
                idle.put(machine)

        yield lambda task: workers.submit(on_a_new_one, task)


def runnable(real: RealServer | None) -> list[Case]:
    """The cases that this TabbyAPI can show."""
    return [case for case in cases() if not (real and case.subject.stand_in)]


def main() -> int:
    """Run what is asked for, print the table; 1 if anything is not as promised."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--real", action="store_true", help="with a real TabbyAPI")
    parser.add_argument("--only", metavar="NAME", action="append", help="part of a name")
    parser.add_argument("--output", metavar="FILE", type=Path, help="where the table goes")
    options = parser.parse_args()
    real = RealServer.from_environment() if options.real else None
    if options.real and real is None:
        parser.error("--real needs TABBYAPI_DIR and TABBYAPI_PYTHON")
    wanted = options.only or [""]
    chosen = [case for case in runnable(real) if any(part in case.name for part in wanted)]
    outcomes = []
    with installed() as place, examinations(chosen, place, real) as examined:
        for case in chosen:
            outcome = examined[case.name].result()
            outcomes.append(outcome)
            print(outcome.line(), file=sys.stderr, flush=True)
            if not outcome.right:
                print(outcome.why(), file=sys.stderr, flush=True)
    text = table(outcomes)
    if options.output:
        options.output.write_text(text, encoding="utf8")
    else:
        print(text)
    pairs = zip(chosen, outcomes, strict=True)
    return int(not all(outcome.right is not case.known_wrong for case, outcome in pairs))


if __name__ == "__main__":
    sys.exit(main())
