"""The human report: in colour on a terminal, as plain text of 80 columns without one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from tabbydoctor.diagnosis.finding import Evidence, Finding, Remedy, Severity
from tabbydoctor.diagnosis.report import CheckResult, Report, Root
from tabbydoctor.reports.outline import Outline, next_step, outline, verdict
from tabbydoctor.reports.page import Page, StyledText, page_for, write_page

STYLES = {
    "error": "bold red",
    "warning": "yellow",
    "info": "cyan",
    "unknown": "magenta",
    "crashed": "bold magenta",
    "passed": "green",
    "skipped": "dim",
}
_LABEL = "dim"
_KIND_WIDTH = len("warning") + 2
_FIELD_WIDTH = len("expected") + 2
_WIDEST_ID = 14


class TerminalReporter:
    """`check --format text`."""

    name = "text"

    def write(self, report: Report, stream: TextIO, *, verbose: bool) -> None:
        """Write the report as suits the stream."""
        page = page_for(stream)
        write_report(page, report, verbose=verbose)
        write_page(page, stream)


def write_report(page: Page, report: Report, *, verbose: bool) -> None:
    """The report on a page, from the verdict to the next step."""
    _Writer(page, outline(report), verbose).write()


class _Writer:
    """Writes one report; ids stand in the first column, everything on them in the second."""

    def __init__(self, page: Page, outline: Outline, verbose: bool) -> None:
        self.page = page
        self.outline = outline
        self.verbose = verbose
        ids = [len(id) for id in outline.results]
        self.body = min(max(ids, default=6), _WIDEST_ID) + 2

    def write(self) -> None:
        """Every section in the order in which it matters."""
        self.page.flow((verdict(self.outline), _verdict_style(self.outline)))
        self._deployment(self.outline.report.deployment)
        for root in self.outline.roots:
            self._root(root)
        self._reasons("could not tell", self.outline.ended("unknown"), "unknown")
        self._crashed()
        self._remarks()
        if self.verbose:
            self._passed()
            self._reasons("skipped", self.outline.ended("skipped"), "skipped")
        self.page.blank()
        self.page.flow((next_step(self.outline), ""))

    def _deployment(self, deployment: Mapping[str, Any]) -> None:
        lines = deployment_lines(deployment)
        notes = [("note", note) for note in self.outline.report.notes]
        if lines or notes:
            self.page.blank()
        width = max((len(label) for label, _ in (*lines, *notes)), default=0) + 2
        for label, text in (*lines, *notes):
            self.page.flow((label.ljust(width), _LABEL), (text, ""), hang=width)

    def _root(self, root: Root) -> None:
        for finding in self.outline.faults(root.id):
            self.page.blank()
            self._heading(root.id, finding)
            self._finding(finding)
        if root.explains:
            self.page.flow(("causes", _LABEL), indent=self.body)
            for id in root.explains:
                self._consequence(id)

    def _heading(self, id: str, finding: Finding) -> None:
        kind = str(finding.severity)
        self.page.flow(
            (id.ljust(self.body), "bold"),
            (kind.ljust(_KIND_WIDTH), STYLES[kind]),
            (finding.title, "bold"),
            hang=self.body + _KIND_WIDTH,
        )

    def _finding(self, finding: Finding) -> None:
        if finding.detail:
            self.page.flow((finding.detail, ""), indent=self.body)
        for evidence in finding.evidence:
            self._evidence(evidence, self.body)
        for remedy in finding.remedies:
            self._remedy(remedy)

    def _evidence(self, evidence: Evidence, indent: int) -> None:
        self.page.flow(("seen: ", _LABEL), (evidence.source, ""), indent=indent, hang=indent + 2)
        for label, value in (("expected", evidence.expected), ("actual", evidence.actual)):
            if value is not None:
                self._field(label, value, indent + 2)

    def _field(self, label: str, value: str, indent: int) -> None:
        """A value beside its label; one of several lines gets a rule at its left."""
        hang = indent + _FIELD_WIDTH
        head: StyledText = (label.ljust(_FIELD_WIDTH), _LABEL)
        first, *others = value.rstrip("\n").split("\n")
        if not others:
            self.page.flow(head, (first or "(empty)", ""), indent=indent, hang=hang)
            return
        self.page.flow(head, ("| ", _LABEL), (first, ""), indent=indent, hang=hang + 2)
        for line in others:
            self.page.flow(("| ", _LABEL), (line, ""), indent=hang, hang=hang + 2)

    def _remedy(self, remedy: Remedy) -> None:
        head: StyledText = (f"remedy ({remedy.safety}): ", _LABEL)
        self.page.flow(head, (remedy.title, ""), indent=self.body, hang=self.body + 2)
        for line in remedy.nix:
            self.page.nix(line, indent=self.body + 4)
        for line in remedy.lines:
            self.page.verbatim(line, indent=self.body + 4)
        for command in remedy.commands:
            self.page.command(command, indent=self.body + 4)

    def _consequence(self, id: str) -> None:
        faults = self.outline.faults(id)
        for finding in faults if self.verbose else faults[:1]:
            more = len(faults) - 1
            count = f" (and {more} more)" if more and not self.verbose else ""
            head = f"{id.ljust(self.body)}"
            self.page.flow(
                (head, STYLES[str(finding.severity)]),
                (finding.title + count, ""),
                indent=self.body + 2,
                hang=self.body + 2 + len(head),
            )
            for evidence in finding.evidence if self.verbose else ():
                self._evidence(evidence, self.body + 2 + len(head))

    def _reasons(self, title: str, results: tuple[CheckResult, ...], kind: str) -> None:
        """Checks under the reason they share."""
        if not results:
            return
        self.page.blank()
        self.page.flow((f"{title}: {len(results)}", STYLES[kind]))
        by_reason: dict[str, list[str]] = {}
        for result in results:
            by_reason.setdefault(result.reason or "no reason given", []).append(result.check.id)
        for reason, ids in by_reason.items():
            self.page.flow((reason, ""), indent=2, hang=4)
            self.page.flow((" ".join(ids), _LABEL), indent=4)

    def _crashed(self) -> None:
        for result in self.outline.ended("crashed"):
            self.page.blank()
            self.page.flow(
                (result.check.id.ljust(self.body), "bold"),
                ("crashed".ljust(_KIND_WIDTH), STYLES["crashed"]),
                (f"{result.check.name}: {result.reason or 'no reason given'}", ""),
                hang=self.body + _KIND_WIDTH,
            )

    def _remarks(self) -> None:
        for index, (id, finding) in enumerate(self.outline.remarks()):
            if index == 0 or self.verbose:
                self.page.blank()
            self._heading(id, finding)
            if self.verbose:
                self._finding(finding)

    def _passed(self) -> None:
        passed = self.outline.ended("passed")
        if passed:
            self.page.blank()
            self.page.flow((f"passed: {len(passed)}", STYLES["passed"]))
        for result in passed:
            self.page.flow((result.check.id.ljust(self.body), ""), (result.check.name, ""))


def deployment_lines(deployment: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The parts of the deployment in at most four labelled lines."""
    router = deployment.get("router") or {}
    tabbyapi = (
        _part("", deployment.get("unit")),
        _part("in ", deployment.get("dir")),
        _part("as user ", deployment.get("user")),
        _part("container ", deployment.get("container")),
    )
    url = (_part("", deployment.get("url")),)
    routed = (
        _part("", router.get("path")),
        _part("", router.get("unit")),
        _part("kind ", router.get("kind")),
    )
    config = (_config_elsewhere(deployment),)
    described = (_part("", deployment.get("description")),)
    lines = (
        *(("file", described), ("TabbyAPI", tabbyapi), ("config", config)),
        *(("URL", url), ("router", routed)),
    )
    return [(label, _joined(parts)) for label, parts in lines if any(parts)]


def _config_elsewhere(deployment: Mapping[str, Any]) -> str:
    """The configuration files that are not config.yml of the working directory (`--config`)."""
    directory = deployment.get("dir") or ""
    usual = f"{str(directory).rstrip('/')}/config.yml"
    return " and ".join(path for path in deployment.get("config_files") or () if path != usual)


def _part(words: str, value: object) -> str:
    return f"{words}{value}" if value else ""


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(part for part in parts if part)


def _verdict_style(outline: Outline) -> str:
    ids = [*(root.id for root in outline.roots), *outline.consequences()]
    faults = [fault for id in ids for fault in outline.faults(id)]
    if any(fault.severity is Severity.ERROR for fault in faults):
        return STYLES["error"]
    if faults:
        return f"bold {STYLES['warning']}"
    summary = outline.report.summary
    return STYLES["unknown"] if summary["unknown"] or summary["crashed"] else "bold green"
