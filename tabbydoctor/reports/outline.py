"""A report put in the order in which an operator reads it; every human format starts here."""

from __future__ import annotations

from collections.abc import Iterable

from tabbydoctor.diagnosis.check import AUTH, ROUTER_KEY
from tabbydoctor.diagnosis.finding import Finding, Safety, Severity
from tabbydoctor.diagnosis.report import CheckResult, Report, Root, Status
from tabbydoctor.invocation import invocation
from tabbydoctor.records import dataclass, replace

_AUTH_REPAIR = "fix --auth"
UNJUDGED = "RTR019"
"""The check that says of a router that nothing is known of it."""
_UNJUDGED = "the router could not be judged"
_SUBJECTS = {"router": "The router in front of TabbyAPI", "gpu": "The GPU"}


@dataclass(frozen=True, slots=True)
class Outline:
    """What a report says, root causes first. Every fault is in `roots` or explained by one."""

    report: Report
    roots: tuple[Root, ...]
    results: dict[str, CheckResult]

    def faults(self, id: str) -> tuple[Finding, ...]:
        """The errors and warnings of one check."""
        result = self.results.get(id)
        return tuple(f for f in findings(result) if is_fault(f)) if result else ()

    def remarks(self) -> tuple[tuple[str, Finding], ...]:
        """Every info finding with the id of its check."""
        return tuple(
            (result.check.id, finding)
            for result in self.report.results
            for finding in findings(result)
            if not is_fault(finding)
        )

    def ended(self, status: Status) -> tuple[CheckResult, ...]:
        """The checks that ended so."""
        return tuple(result for result in self.report.results if result.status == status)

    def consequences(self) -> tuple[str, ...]:
        """The ids that are explained by a root, each once."""
        own = {root.id for root in self.roots}
        explained = (id for root in self.roots for id in root.explains)
        return tuple(dict.fromkeys(id for id in explained if id not in own))

    def auth_repair(self) -> str:
        """The `fix --auth` that is the way out of the first root; empty where it is none."""
        first = {id for root in self.roots[:1] for id in (root.id, *root.explains)}
        roots = [id for id, one in self.results.items() if id in first and _by_auth(one)]
        remedies = [one for id in roots for fault in self.faults(id) for one in fault.remedies]
        offered = [command for remedy in remedies for command in remedy.commands]
        # A router's source in the store is changed by hand: none of its remedies is safe.
        by_hand = bool(remedies) and not any(one.safety is Safety.SAFE for one in remedies)
        default = invocation(_AUTH_REPAIR, root=True) if roots and not by_hand else ""
        ways = (invocation(_AUTH_REPAIR, root=True), invocation(_AUTH_REPAIR))
        return next((command for command in ways if command in offered), default)

    def first_way(self) -> str:
        """What to do first about the first root, as it is shown there; empty where that is in words
        alone."""
        faults = self.faults(self.roots[0].id)
        remedies = [remedy for fault in faults[:1] for remedy in fault.remedies[:1]]
        commands = [command for remedy in remedies for command in remedy.commands]
        if len(commands) == 1 and "\n" not in commands[0]:
            return commands[0]
        if not commands:
            return ""
        return "the " + _counted((len(commands), "command", "commands")) + " of the first remedy"

    def subject(self) -> str:
        """What the first root is a fault of: the router, the GPU, or TabbyAPI."""
        described = self.report.deployment.get("description")
        if described:
            return str(described).rsplit("/", 1)[-1]
        category = self.results[self.roots[0].id].check.category
        return _SUBJECTS.get(category, "TabbyAPI")

    def unjudged_router(self) -> bool:
        """Whether a router is there, and what it sends could not be judged."""
        if not self.report.deployment.get("router"):
            return False
        if any(self.faults(id) for id, one in self.results.items() if ROUTER_KEY in one.check.tags):
            return False
        result = self.results.get(UNJUDGED)
        return result is not None and result.status not in ("passed", "skipped")


def _by_auth(result: CheckResult) -> bool:
    """Whether `fix --auth` repairs what the check finds."""
    return AUTH in result.check.tags and result.check.cure is not None


def outline(report: Report) -> Outline:
    """The outline of a report. A fault that the diagnosis left out is a root of its own."""
    results = {result.check.id: result for result in report.results}
    placed = {id for root in report.roots for id in (root.id, *root.explains)}
    left_out = (
        Root(result.check.id, (), "")
        for result in report.results
        if result.check.id not in placed and any(map(is_fault, findings(result)))
    )
    return Outline(report, (*report.roots, *left_out), results)


def findings(result: CheckResult) -> Iterable[Finding]:
    """The findings of a check, each with a severity."""
    for finding in result.findings:
        yield replace(finding, severity=severity(result, finding))


def severity(result: CheckResult, finding: Finding) -> Severity:
    """A finding's severity: its own, or what its check declares."""
    return finding.severity or result.check.severity


def is_fault(finding: Finding) -> bool:
    """Whether a finding (with its severity) is an error or a warning."""
    return finding.severity is not Severity.INFO


def verdict(outline: Outline) -> str:
    """The whole report in one line, which never claims more than was judged."""
    if outline.roots:
        return _fault_verdict(outline)
    summary = outline.report.summary
    open_questions = summary["unknown"] + summary["crashed"]
    told = _counted((open_questions, "check could not tell", "checks could not tell"))
    further = (
        (len(outline.remarks()), "remark", "remarks"),
        (summary["skipped"], "skipped", "skipped"),
    )
    counts = _counted((summary["passed"], "check passed", "checks passed"), *further)
    router = _UNJUDGED if outline.unjudged_router() else ""
    if outline.report.selected and (summary["passed"] or outline.remarks()):
        passed = f"{summary['passed']} of {outline.report.catalogue} checks passed"
        return f"{', '.join(filter(None, (passed, _counted(*further), told, router)))}."
    if open_questions or router:
        but = " and ".join(filter(None, (router, told)))
        return f"No fault found, but {but}: {counts}." if counts else f"Only {but}."
    if not summary["passed"] and not outline.remarks():
        return f"Nothing to judge: {counts or 'no check was run'}."
    return f"TabbyAPI is healthy: {counts}."


def _fault_verdict(outline: Outline) -> str:
    roots = [f.severity for root in outline.roots for f in outline.faults(root.id)]
    consequences = outline.consequences()
    summary = outline.report.summary
    counts = _counted(
        (roots.count(Severity.ERROR), "error", "errors"),
        (roots.count(Severity.WARNING), "warning", "warnings"),
        (len(consequences), "consequence", "consequences"),
    )
    further = _counted(
        (summary["unknown"], "check could not tell", "checks could not tell"),
        (summary["crashed"], "check crashed", "checks crashed"),
    )
    errors = [id for id in consequences if _is_error(outline, id)]
    if errors and Severity.ERROR not in roots:
        # Otherwise nothing in the line would tell why it is called broken.
        of_them = f"{len(errors)} of them " if len(consequences) > 1 else ""
        counts += f" ({of_them}{'an error' if len(errors) == 1 else 'errors'})"
    broken = bool(errors) or Severity.ERROR in roots
    said = f"{outline.subject()} {'is broken' if broken else 'works, but needs attention'}"
    if outline.unjudged_router():
        # Of a router of which nothing is known, not even that it works can be said.
        alone = [root.id for root in outline.roots] == [UNJUDGED]
        said = f"No fault found, but {_UNJUDGED}" if alone else f"{said}; {_UNJUDGED}"
    return f"{said}: {counts}{f'; {further}' if further else ''}."


def _is_error(outline: Outline, id: str) -> bool:
    return any(fault.severity is Severity.ERROR for fault in outline.faults(id))


def _counted(*counts: tuple[int, str, str]) -> str:
    return ", ".join(f"{n} {one if n == 1 else many}" for n, one, many in counts if n)


def next_step(outline: Outline) -> str:
    """What to do now, in one line."""
    summary = outline.report.summary
    if outline.roots:
        repair = outline.auth_repair() or outline.first_way()
        fix = f"{repair}, or " if repair else ""
        return f"Next: {fix}{invocation(f'explain {outline.roots[0].id}')} for more."
    if summary["unknown"]:
        return f"Next: provide what is named above, then run {invocation('check')} again."
    if summary["crashed"]:
        return "Next: report the crash above; it is a fault of the doctor or of a plug-in."
    if not summary["passed"] and not outline.remarks():
        return f"Nothing was judged: {invocation('check --verbose')} tells why."
    return f"Nothing to do. {invocation('check --verbose')} shows every check."
