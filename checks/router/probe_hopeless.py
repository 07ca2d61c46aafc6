"""A health check of the router can never turn healthy.

## What it checks
The request with which the router asks TabbyAPI for its health must be one that TabbyAPI
answers with success when it is well.

## Why it matters
The router waits until its time is over, however well TabbyAPI is.

## How it is told
A completion asked of a server without a model is answered with 500 or 503, and under inline model
loading one that names another model gets 401 even with a right key; HEAD and OPTIONS are answered
with 405 (HAProxy's `option httpchk` asks OPTIONS / where it says nothing); llama-swap's
`checkEndpoint` sends no header, so a path that asks for a key fails.

## What to do
Probe `GET /health`, which needs no key and loads nothing; `tabbydoctor fix --auth` lets a router
in Python do so, `tabbydoctor fix RTR007` llama-swap; of other gateways the lines are shown. To
know that a model is loaded, `GET /v1/model` with the key.
"""

from collections.abc import Iterator

from tabbydoctor.api import AUTH, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.invocation import invocation
from tabbydoctor.routers import Call, RouterReading
from tabbydoctor.routers.gateways.remedies import by_hand
from tabbydoctor.routers.probes import hopeless, is_open
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint

from . import WIRE_KEY, evidence_of, in_place, readable, wire_key


@check(
    "RTR007",
    "router-probe-hopeless",
    category="router",
    severity=Severity.WARNING,
    caused_by=("RTR001",),
    cure=WIRE_KEY,
    tags=(AUTH,),
)
def probe_hopeless(
    reading: RouterReading,
    config: EffectiveConfig | None,
    endpoint: Endpoint | None,
    site: RouterSite | None = None,
) -> Iterator[Finding]:
    for call in readable(reading).of("probe"):
        why = _why(call, reading, config, endpoint)
        if why and call.certain:
            yield Finding(
                f"The health check in {reading.place(call).rpartition('/')[2]} cannot turn healthy",
                why,
                evidence=evidence_of(reading, [call], "GET /health", f"{call.method} {call.path}"),
                remedies=_remedies(call, reading, config, site),
                severity=None if call.takes_key else Severity.ERROR,
            )


def _remedies(
    call: Call, reading: RouterReading, config: EffectiveConfig | None, site: RouterSite | None
) -> tuple[Remedy, ...]:
    by_lines = by_hand(reading, "probe", site, {(call.file or reading.path, call.line)})
    if by_lines:
        return (*in_place(site, reading), *by_lines)
    if reading.mends("probe"):
        own = site is not None and site.unit is not None and site.unit.user_manager
        fix = Remedy(
            "Let it ask /health, its default, which needs no key",
            Safety.SAFE,
            (invocation("fix RTR007", root=not own),),
        )
        return (fix, Remedy("Or take the line of checkEndpoint out, and restart it"))
    wired = (wire_key(site, reading, config),) if reading.kind == "python" else ()
    return (*wired, Remedy("Probe GET /health instead: it needs no key", Safety.MANUAL))


def _why(
    call: Call, reading: RouterReading, config: EffectiveConfig | None, endpoint: Endpoint | None
) -> str:
    if call.method in ("HEAD", "OPTIONS") and hopeless(call):
        return f"TabbyAPI answers {call.method} {call.path} with 405 Method Not Allowed."
    if not call.takes_key and not is_open(call.path) and _keyed(config, endpoint):
        return "llama-swap's checkEndpoint can send no key, and this path asks for one."
    if call.method == "POST" and call.path.endswith("completions") and config:
        return _completion(reading, config)
    return ""


def _completion(reading: RouterReading, config: EffectiveConfig) -> str:
    """Why a completion is no health check here; empty where a model is always loaded."""
    if config.value("model", "inline_model_loading"):
        return "With inline model loading, a completion that names another model gets 401."
    switches = any(path.endswith("config.yml") for path in reading.writes_files)
    if not config.value("model", "model_name") and not switches:
        return "No model is configured: a completion is answered with 500 or 503."
    return ""


def _keyed(config: EffectiveConfig | None, endpoint: Endpoint | None) -> bool:
    enforced = endpoint.enforces_auth if endpoint else None
    return enforced if enforced is not None else not (config and config.auth_disabled)
