"""TabbyAPI reports itself unhealthy: /health answers 503.

## What it checks
GET `/health` must answer 200. It needs no key.

## Why it matters
A generation failed in a way that TabbyAPI does not trust itself after; health checks that
look at the status take the server out of service.

## How it is told
The answer is 503 and lists the issues, each with its time. They are never cleared: one
failure weeks ago keeps the server unhealthy until it is restarted, even if it works.
Servers before August 2024 have no such route, and those before September 2024 always
answer 200.

## What to do
Read the issue, look in the log around its time (out of memory, an Xid of the GPU), then
restart TabbyAPI.
"""

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Unknown, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.redaction import redact
from tabbydoctor.tabbyapi.answers import health_issues, of_tabbyapi
from tabbydoctor.tabbyapi.probes import Endpoint

from . import restart

_SHOWN = 3
_LENGTH = 160


@check(
    "API007",
    "api-unhealthy",
    category="endpoint",
    caused_by=(
        *("SVC011", "GPU001", "GPU002", "GPU003", "GPU006", "GPU007", "GPU008", "GPU009"),
        "GPU012",
    ),
)
def unhealthy(endpoint: Endpoint, instance: Instance | None) -> Iterator[Finding]:
    of_tabbyapi(endpoint)
    answer = endpoint.answer("/health")
    if answer is None or answer.status is None:
        raise Unknown(f"/health did not answer: {answer.error if answer else 'not asked'}")
    if answer.status == 404:
        raise Unknown("this server has no /health (it is from before August 2024)")
    if answer.status != 503:
        return
    issues = health_issues(answer)
    count = f"{len(issues)} issue{'s' if len(issues) != 1 else ''} since its start"
    yield Finding(
        f"TabbyAPI reports itself unhealthy: {count}" if issues else "TabbyAPI is unhealthy",
        "It stays so until it is restarted, even if it has worked since.",
        evidence=(
            Evidence(answer.url, "200", "503"),
            *(
                Evidence(f"issue of {time}", actual=redact(text)[:_LENGTH])
                for time, text in issues[-_SHOWN:]
            ),
        ),
        remedies=(restart(instance, "Read its log around that time, then restart it"),),
    )
