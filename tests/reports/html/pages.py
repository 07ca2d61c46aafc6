"""The pages that are looked at: with no fault, one, and thirty."""

from __future__ import annotations

import io

from tabbydoctor.diagnosis.finding import Evidence, Remedy, Safety, Severity
from tabbydoctor.diagnosis.report import Report, Root
from tabbydoctor.reports.formats import LazyReporter
from tests.reports.reports import HEALTHY, ONE_ROOT, fault, report, result

COMMAND = "sudo sed -i 's/" + "y" * 400 + "/<b>&amp;/' /etc/tabby && echo 'two  blanks'"
IDS = [f"{kind}{number:03}" for kind in ("CFG", "SVC", "RTR") for number in range(1, 11)]
THIRTY = report(
    *(
        result(
            id,
            fault(
                f"{id} has a title of some length that has to wrap on a phone: "
                + "w" * 10_000 * (not at),
                Severity.WARNING if at % 3 else Severity.ERROR,
                detail="A line.\nAnother.",
                evidence=(Evidence("/opt/" + "p" * 300 + ":1", "e" * 400, "a" * 400),),
                remedies=(Remedy("do", Safety.SAFE, (COMMAND,)), Remedy("or", Safety.MANUAL)),
            ),
        )
        for at, id in enumerate(IDS)
    ),
    roots=tuple(Root(id, (), f"{id} fails") for id in IDS),
)
PAGES = {"none": HEALTHY, "one": ONE_ROOT, "thirty": THIRTY}


def written(report: Report) -> str:
    """The page of a report."""
    stream = io.StringIO()
    LazyReporter("html").write(report, stream, verbose=False)
    return stream.getvalue()
