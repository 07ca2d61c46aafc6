"""A merged document for people: the root causes with their hosts, then every host."""

from __future__ import annotations

from tabbydoctor.reports.documents.merge import MergeDocument
from tabbydoctor.reports.page import Page

_INDENT = 2
_MOST_HOSTS = 12


def as_text(fleet: MergeDocument, width: int) -> str:
    """What a fleet comes to."""
    page = Page(width)
    page.flow((_verdict(fleet), "bold"))
    for root in fleet.roots:
        page.blank()
        shown, further = root.hosts[:_MOST_HOSTS], len(root.hosts) - _MOST_HOSTS
        more = f" and {further} more" if further > 0 else ""
        page.flow((f"{root.severity} {root.root}", "bold"), (f"  {root.summary}", ""))
        page.flow((f"on {_hosts(len(root.hosts))}: {', '.join(shown)}{more}", ""), indent=_INDENT)
    for host in fleet.hosts:
        if host.exit_code not in (0, 1):
            page.blank()
            page.flow((f"{host.host}: {host.verdict}", ""), hang=_INDENT)
    for unread in fleet.unread:
        page.blank()
        page.flow((f"{unread.file}: {unread.reason}", ""), hang=_INDENT)
    return page.text()


def _verdict(fleet: MergeDocument) -> str:
    counts = fleet.summary
    told = ((counts.failing, "failing"), (counts.unjudged, "not judged"), (counts.well, "well"))
    said = ", ".join(f"{number} {word}" for number, word in told if number)
    unread = f"; {len(fleet.unread)} could not be read" if fleet.unread else ""
    return f"{_hosts(len(fleet.hosts))}{f': {said}' if said else ''}{unread}."


def _hosts(number: int) -> str:
    return f"{number} host{'' if number == 1 else 's'}"
