"""The running server enforces keys other than its configuration says.

## What it checks
A request without a key must be refused where the effective `network.disable_auth` is false,
and accepted where it is true.

## Why it matters
Accepted against the configuration: everyone who reaches the port is admin, unnoticed.
Refused against it: clients that rely on authentication being off get a 401.

## How it is told
GET of the endpoints that ask for a key, without one. TabbyAPI's own 401 says `Please provide
an API key`; another 401 comes from something in front of it, and proves nothing. The
configuration is the one of the next start: the usual reason is an edit since the last one.
On NixOS an edit of the file that each start copies anew is none: CFG012 tells of it.

## What to do
Restart TabbyAPI. If it still differs, `tabbydoctor config` shows which place wins.
"""

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Unknown, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.host.data import HttpAnswer
from tabbydoctor.tabbyapi.answers import keyed, no_key_seen, of_tabbyapi
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint

from . import restart


@check("API004", "api-auth-differs", category="endpoint", caused_by=("SVC010", "CTR002"))
def auth_differs(
    endpoint: Endpoint, config: EffectiveConfig, instance: Instance | None
) -> Iterator[Finding]:
    of_tabbyapi(endpoint)
    telling = _telling(endpoint)
    enforced = telling.status == 401
    if not config.starts or enforced is not config.auth_disabled:
        return
    setting = config.setting("network", "disable_auth")
    where = setting.origin.where if setting else "network.disable_auth"
    yield Finding(
        "The server asks for a key although its configuration turns that off"
        if enforced
        else "The server accepts requests without a key although it should ask for one",
        "It was started with another configuration than the one it would start with now.",
        evidence=(
            Evidence(f"network.disable_auth ({where})", actual=str(config.auth_disabled).lower()),
            Evidence(telling.url, "200" if config.auth_disabled else "401", str(telling.status)),
        ),
        remedies=(restart(instance, "Restart TabbyAPI"),),
    )


def _telling(endpoint: Endpoint) -> HttpAnswer:
    """The keyless answer that shows whether keys are enforced."""
    answers = keyed(endpoint, "none")
    for answer in answers:
        if answer.status == 200 or no_key_seen(answer):
            return answer
    said = ", ".join(str(answer.status or answer.error) for answer in answers)
    raise Unknown(f"its answers without a key do not tell whether it asks for one: {said}")
