"""No model is loaded.

## What it checks
Where the configuration names a model, one must be loaded. Where it names none, the check
only remarks that requests need a model loaded first.

## Why it matters
Completions are refused with 503, or with a bare 500 when the request names a model.

## How it is told
GET `/v1/model` with a key (or without one where none is asked for) answers 503 `No models
are currently loaded`; servers before April 2025 say it with 400. That another model than the
configured one is loaded is no fault: routers switch.

## What to do
Look in the log for why the model was unloaded or did not load; restart TabbyAPI to load the
configured one. Without a configured model set `model.model_name`, or load one with the admin
key (`POST /v1/model/load`), or let `model.inline_model_loading` do it.
"""

from collections.abc import Iterator

from tabbydoctor.api import PASSING, Evidence, Finding, Severity, Unknown, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.host.data import HttpAnswer
from tabbydoctor.tabbyapi.answers import model_name, of_tabbyapi
from tabbydoctor.tabbyapi.answers import no_model as nothing_loaded
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import CREDENTIALS, Endpoint

from . import restart


@check(
    "API008",
    "api-no-model",
    category="endpoint",
    severity=Severity.WARNING,
    caused_by=("SVC010", "API007", "CFG010", "GPU008", "SVC011"),
    tags=(PASSING,),
)
def no_model(
    endpoint: Endpoint, config: EffectiveConfig, instance: Instance | None
) -> Iterator[Finding]:
    of_tabbyapi(endpoint)
    answer = _telling(endpoint)
    if not nothing_loaded(answer):
        return
    wanted = config.value("model", "model_name")
    evidence = (Evidence(answer.url, "a loaded model", "none is loaded"),)
    if not wanted:
        yield Finding(
            "No model is configured, and none is loaded",
            "Completions fail until one is loaded with the admin key.",
            evidence=evidence,
            severity=Severity.INFO,
        )
        return
    setting = config.setting("model", "model_name")
    yield Finding(
        f"The configured model {wanted} is not loaded",
        "It was unloaded, or configured after the start. Completions fail.",
        evidence=(
            *evidence,
            Evidence(setting.origin.where, str(wanted)) if setting else evidence[0],
        ),
        remedies=(restart(instance, "Restart TabbyAPI, which loads it then"),),
    )


def _telling(endpoint: Endpoint) -> HttpAnswer:
    """The first answer of /v1/model, by whatever credential, that tells what is loaded."""
    for credential in CREDENTIALS:
        answer = endpoint.answer("/v1/model", credential)
        if answer and (nothing_loaded(answer) or model_name(answer)):
            return answer
    why = endpoint.withheld or "/v1/model answered to no key that is at hand"
    raise Unknown(f"whether a model is loaded cannot be told: {why}")
