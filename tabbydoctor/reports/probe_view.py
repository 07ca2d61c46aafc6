"""The endpoint × credential table of `tabbydoctor probe`, as text and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tabbydoctor.host.data import HttpAnswer
from tabbydoctor.reports.visible import visible
from tabbydoctor.tabbyapi import answers
from tabbydoctor.tabbyapi.probes import CREDENTIALS, PATHS, Credential, Endpoint

if TYPE_CHECKING:  # `probe` alone pays nothing for the router's part
    from tabbydoctor.reports.documents.probe import ThroughRouterPart
    from tabbydoctor.routers.through import ThroughRouter

_HEADINGS: dict[Credential, str] = {
    "none": "no key",
    "wrong": "wrong key",
    "api_key": "api_key",
    "admin_key": "admin_key",
}
_IDENTITIES = {"tabbyapi": "TabbyAPI", "other": "not TabbyAPI", "unknown": "cannot be told"}
_ENFORCES = {True: "asks for a key", False: "off: everyone is admin", None: "cannot be told"}
_GAP = 2


def as_text(endpoint: Endpoint, width: int, through: ThroughRouter | None = None) -> str:
    """The tables for people, at most `width` columns wide where their words allow."""
    return _server_text(endpoint, width) + (_router_text(through, width) if through else "")


def _router_text(through: ThroughRouter, width: int) -> str:
    lines = ["", *_paragraph(f"{'through router':<15}{visible(through.url)}", width), ""]
    for row in through.rows:
        key = _HEADINGS[row.credential]
        status = "-" if row.status is None else row.status
        lines.append(f"{row.request:<27}{key:<11}{status:<5}{row.by}")
        lines += _paragraph(f"    {visible(row.means)}", width, indent=4)
    proven = f"{through.finding}: " if through.finding else ""
    lines += ["", *_paragraph(f"{'means':<15}{proven}{visible(through.means)}", width)]
    if through.unsent:
        lines += _paragraph(f"{'not sent':<15}{visible(through.unsent)}", width)
    return "\n".join(lines) + "\n"


def _server_text(endpoint: Endpoint, width: int) -> str:
    about = [
        line
        for name, value in _about(endpoint).items()
        if value
        for line in _paragraph(f"{name:<15}{visible(str(value))}", width)
    ]
    if not endpoint.answers:
        return "\n".join(about) + "\n"
    rows = [["endpoint", *_HEADINGS.values()], *_rows(endpoint)]
    return "\n".join([*about, "", *_aligned(rows)]) + "\n"


def as_json(endpoint: Endpoint, through: ThroughRouter | None = None) -> dict[str, Any]:
    """The table for machines; bodies are left out, what they say is in `says`."""
    from tabbydoctor.reports.documents.base import plain
    from tabbydoctor.reports.documents.probe import CellPart, ProbeDocument

    address = endpoint.address
    cells = [
        CellPart(
            endpoint=row,
            credential=credential,
            status=answer.status,
            error=answer.error,
            says=_says(answer),
            elapsed_ms=round(answer.elapsed * 1000),
        )
        for (row, credential), answer in endpoint.answers.items()
    ]
    document = ProbeDocument(
        url=address.url,
        found_by=address.found_by,
        configured=address.configured or None,
        holder=address.holder or None,
        moved=address.moved,
        reached=endpoint.reached,
        error=endpoint.serviceinfo.error,
        identity=endpoint.identity,
        enforces_auth=endpoint.enforces_auth,
        withheld=endpoint.withheld or None,
        admin_withheld=endpoint.admin_withheld or None,
        answers=cells,
    )
    if through is not None:
        document.through_router = _router_part(through)
    return plain(document)


def _router_part(through: ThroughRouter) -> ThroughRouterPart:
    from tabbydoctor.reports.documents.probe import RouterRowPart, ThroughRouterPart

    return ThroughRouterPart(
        url=through.url,
        rows=[
            RouterRowPart(
                request=row.request,
                credential=row.credential,
                status=row.status,
                by=row.by,
                means=row.means,
            )
            for row in through.rows
        ],
        verdict=through.verdict,
        means=through.means,
        finding=through.finding or None,
        unsent=through.unsent or None,
    )


def _about(endpoint: Endpoint) -> dict[str, str]:
    address = endpoint.address
    return {
        "address": f"{address.url} (from {address.found_by})",
        "configured": address.configured if address.moved else "",
        "held by": address.holder,
        "answers": "" if endpoint.reached else _no_answer(endpoint.serviceinfo),
        "identity": _IDENTITIES[endpoint.identity] if endpoint.reached else "",
        "authentication": _ENFORCES[endpoint.enforces_auth] if endpoint.answers else "",
        "keys not sent": endpoint.withheld if endpoint.reached else "",
        "admin key": _admin_key(endpoint),
    }


def _admin_key(endpoint: Endpoint) -> str:
    alone = endpoint.reached and endpoint.admin_withheld and not endpoint.withheld
    return f"not sent: {endpoint.admin_withheld}" if alone else ""


def _no_answer(answer: HttpAnswer) -> str:
    return f"no: {answer.error} ({answer.detail})" if answer.detail else f"no: {answer.error}"


def _rows(endpoint: Endpoint) -> Iterator[list[str]]:
    further = [row for row, _ in endpoint.answers if row not in PATHS]
    for row in (*PATHS, *further):
        cells = (endpoint.answer(row, credential) for credential in CREDENTIALS)
        yield [row, *(_cell(answer) for answer in cells)]


def _cell(answer: HttpAnswer | None) -> str:
    if answer is None:
        return "-"
    if answer.status is None:
        return str(answer.error)
    return f"{answer.status} {_says(answer)}".strip()


def _says(answer: HttpAnswer) -> str:
    """What an answer means, in two words at most; empty where the status says it all."""
    if answers.no_key_seen(answer):
        return "no key"
    if answers.key_refused(answer):
        return "refused"
    if answers.no_model(answer):
        return "no model"
    if answer.status == 503 and answers.health_issues(answer):
        return "issues"
    return answers.permission(answer) if answer.status == 200 else ""


def _aligned(rows: list[list[str]]) -> list[str]:
    """Columns side by side; one that holds nothing but dashes is left out."""
    columns = [column for column in zip(*rows, strict=True) if any(c != "-" for c in column[1:])]
    widths = [max(map(len, column)) + _GAP for column in columns]
    return [
        "".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in zip(*columns, strict=True)
    ]


def _paragraph(text: str, width: int, indent: int = 15) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )
