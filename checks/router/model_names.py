"""The router's names for models, and the one model that TabbyAPI answers them with.

## What it checks
The model names that LiteLLM or llama-swap send to TabbyAPI, beside the model that is loaded there
(or, where it does not answer, the configured one).

## Why it matters
Without inline loading TabbyAPI ignores the name in a request: the loaded model answers, whatever it
was asked for. Nobody sees an error, and two names may be one model.

## How it is told
From the router's file (`litellm_params.model`, `peers.<id>.models`, `models.<id>.useModelName`) and
TabbyAPI's /v1/model. Nothing is said with inline loading, where a name chooses, and of the names of
`dummy_model_names`, which are for this.

## What to do
Name the loaded model, keep the name as an alias and know it, or turn `inline_model_loading` on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Severity, check
from tabbydoctor.routers.model_names import AskedModels
from tabbydoctor.tabbyapi.answers import model_name
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import CREDENTIALS, Endpoint


@check("RTR018", "router-model-names", category="router", severity=Severity.INFO)
def model_names(
    asked: AskedModels, config: EffectiveConfig, endpoint: Endpoint | None
) -> Iterator[Finding]:
    if config.value("model", "inline_model_loading"):
        raise Absent("with inline loading the name in a request chooses the model")
    source, loaded = _loaded(config, endpoint)
    if not loaded:
        raise Absent("no model is loaded or configured")
    dummies = config.value("model", "dummy_model_names")
    dummy = config.value("model", "use_dummy_models") and isinstance(dummies, list)
    fine = {loaded, *(dummies if dummy else ())}
    others = [one for one in asked.models if one.name not in fine]
    if not others:
        return
    names = ", ".join(one.name for one in others)
    yield Finding(
        f"{loaded} answers requests for {names}",
        "Without inline loading TabbyAPI ignores the name in a request: the loaded model answers.",
        (
            Evidence(source, None, f"loaded: {loaded}"),
            *(Evidence(one.where, loaded, one.name) for one in others),
        ),
        (Remedy(f"Name {loaded} there, if that is meant"),),
    )


def _loaded(config: EffectiveConfig, endpoint: Endpoint | None) -> tuple[str, str]:
    """Where it was seen, and the model's name; empty without one."""
    if endpoint is not None and endpoint.reached:
        for credential in CREDENTIALS:
            name = model_name(endpoint.answer("/v1/model", credential))
            if name:
                return f"{endpoint.address.url}/v1/model", name
    setting = config.setting("model", "model_name")
    named = str(setting.value or "") if setting else ""
    return (setting.origin.where if setting else ""), PurePosixPath(named).name
