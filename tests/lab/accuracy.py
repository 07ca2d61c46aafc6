"""How often the doctor is right: every fault, every pair and every healthy variant, examined.

    python -m tests.lab.accuracy [--real] [--only NAME] [--output FILE]

runs it as root and prints the table.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from tests.lab import evidence
from tests.lab.accuracy_table import table
from tests.lab.deployment import ADMIN_KEY, API_KEY, Deploy, Deployment, RealServer
from tests.lab.faults import CATALOGUE, PAIRS, Fault
from tests.lab.healthy import VARIANTS, Variant
from tests.lab.installed import installed
from tests.lab.machine import CommandError
from tests.lab.machines import machines
from tests.lab.making import make
from tests.lab.outcome import ACTS, Outcome, Repair, broken_checks, faults_in, shown_in, told
from tests.lab.pasted import Pasted, paste, unpasted

WATCHED = ("/opt/llm-router", "/etc", "/home")
"""What a repair may touch, and an undo must leave as it was."""
UNCERTAIN = ("__pycache__", "/TabbyAPI/logs", "/etc/ld.so.cache")
"""What Python, TabbyAPI and the machine write by themselves."""

Kind = Literal["fault", "pair", "healthy"]


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
    pieces = evidence.read_again(d.machine, _evidence(said, case.roots))
    outcome = replace(outcome, alarms=tuple(alarms), evidence=pieces)
    if case.kind == "fault":
        idle = unpasted(said, fault)
        outcome = replace(outcome, pasted=idle.grade if idle else ACTS)
    return replace(outcome, repair=repair(d, fault)) if fault.fix else outcome


def _evidence(said: Mapping[str, Any], roots: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """What is shown for the findings that had to be named."""
    for check in said["checks"]:
        if check["id"] in roots:
            for finding in check["findings"]:
                yield from finding["evidence"]


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
    pasted: dict[str, Future[Pasted]] = {}
    with installed() as place, machines(place, real) as submit:
        examined = [submit(partial(examine, case=case)) for case in chosen]
        for case, future in zip(chosen, examined, strict=True):
            outcome = future.result()
            outcomes.append(outcome)
            if outcome.pasted == ACTS and real is None:
                pasted[case.name] = submit(partial(paste, fault=CATALOGUE[case.name]))
            print(outcome.line(), file=sys.stderr, flush=True)
            if not outcome.right:
                print(outcome.why(), file=sys.stderr, flush=True)
        graded = {name: future.result().grade for name, future in pasted.items()}
    outcomes = [replace(one, pasted=graded.get(one.name, one.pasted)) for one in outcomes]
    text = table(outcomes)
    if options.output:
        options.output.write_text(text, encoding="utf8")
    else:
        print(text)
    pairs = zip(chosen, outcomes, strict=True)
    return int(not all(outcome.right is not case.known_wrong for case, outcome in pairs))


if __name__ == "__main__":
    sys.exit(main())
