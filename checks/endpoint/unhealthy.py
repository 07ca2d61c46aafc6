"""TabbyAPI reports itself unhealthy: /health answers 503; or its routes end in errors of its own.

## What it checks
GET `/health` must answer 200. It needs no key. And what else the doctor asks (the list of models,
the permission of a key) must not be answered with 500.

## Why it matters
A generation failed in a way that TabbyAPI does not trust itself after; health checks that
look at the status take the server out of service. A front end that is answered 500 for the list
of models shows none, or says that it cannot connect.

## How it is told
The answer is 503 and lists the issues, each with its time. They are never cleared: one
failure weeks ago keeps the server unhealthy until it is restarted, even if it works.
Servers before August 2024 have no such route, and those before September 2024 always
answer 200. 500 is an exception in TabbyAPI's own code: no key, and no setting, is refused so. The
exception stands in its log beside the request.

## What to do
Read the issue, look in the log around its time (out of memory, an Xid of the GPU), then
restart TabbyAPI. Where a route answers 500, update TabbyAPI with its dependencies.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from tabbydoctor.api import PASSING, Evidence, Finding, Remedy, Unknown, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.gpu.torch import PythonEnvironment
from tabbydoctor.redaction import redact
from tabbydoctor.tabbyapi.answers import health_issues, of_tabbyapi
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.tabbyapi.log_lines import exception_of
from tabbydoctor.tabbyapi.probes import Endpoint

from ..python_packages import UNTIL_EXL2_ENDED, only_exl2, update
from . import restart

_EXCEPTION = 500
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
    tags=(PASSING,),
)
def unhealthy(
    endpoint: Endpoint,
    instance: Instance | None,
    log: RunLog | None = None,
    environment: PythonEnvironment | None = None,
) -> Iterator[Finding]:
    of_tabbyapi(endpoint)
    yield from _failing(endpoint, instance, log, environment)
    yield from _reported(endpoint, instance)


def _failing(
    endpoint: Endpoint,
    instance: Instance | None,
    log: RunLog | None,
    environment: PythonEnvironment | None,
) -> Iterator[Finding]:
    """Routes that end in an exception."""
    # With the admin key it lists its directory of models: where that is missing, in 500, too.
    failed = [
        one
        for (_, credential), one in endpoint.answers.items()
        if credential != "admin_key" and one.status == _EXCEPTION
    ]
    paths = list(dict.fromkeys(f"{one.method} {urlsplit(one.url).path}" for one in failed))
    if not failed:
        return
    said = exception_of(log, paths) if log else None
    yield Finding(
        f"TabbyAPI fails in its own code: {' and '.join(paths)} answered 500",
        "An exception ended it; what was asked, and with which key, is not the reason.",
        (
            *(Evidence(one.url, "200, or 401 without a key", "500") for one in failed[:_SHOWN]),
            *([Evidence(log.source, actual=redact(said)[:_LENGTH])] if log and said else []),
        ),
        (_updated(instance, only_exl2(environment)),)
        if instance and not instance.container
        else (),
    )


def _updated(instance: Instance, keeps_exl2: bool) -> Remedy:
    title = "Update TabbyAPI with its dependencies (cu13 for drivers from 580, else cu12)"
    return Remedy(
        f"{title}{UNTIL_EXL2_ENDED if keeps_exl2 else ''}",
        commands=(*update(instance, keeps_exl2=keeps_exl2), *instance.restart),
    )


def _reported(endpoint: Endpoint, instance: Instance | None) -> Iterator[Finding]:
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
