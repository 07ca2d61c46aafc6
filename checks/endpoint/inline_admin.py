"""Inline model loading asks for an admin key, and the router sends the API key.

## What it checks
Where `model.inline_model_loading` is on and keys are enforced, a router whose forwarded
requests carry the API key must not rely on switching models.

## Why it matters
A request that names a model other than the loaded one is refused with 401, although its key
is correct; the log and the client then look like a wrong key.

## How it is told
From the effective configuration and the router's source or configuration. TabbyAPI's answer
would be `Unable to switch model to X because an admin key isn't provided`.

## What to do
Turn `model.inline_model_loading` off, so that requests are served by the loaded model
whatever they name; or let the router load models itself before it forwards. Do not give the
admin key to all forwarded requests: every client could then load, unload and download.
"""

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Severity, check
from tabbydoctor.routers import RouterReading
from tabbydoctor.tabbyapi.config import EffectiveConfig


@check("API009", "api-inline-admin", category="endpoint", severity=Severity.WARNING)
def inline_admin(config: EffectiveConfig, router: RouterReading) -> Iterator[Finding]:
    inline = config.setting("model", "inline_model_loading")
    if not inline or not inline.value or config.auth_disabled or router.uses_admin_key:
        return
    forwards = [call for call in router.of("forward") if call.sends_key]
    if not forwards:
        return
    yield Finding(
        "Inline loading needs the admin key, and the router sends the API key",
        "A request that names a model that is not loaded gets a 401 although its key is correct.",
        evidence=(
            Evidence(f"model.inline_model_loading ({inline.origin.where})", actual="true"),
            *(Evidence(router.place(call), "admin key", "API key") for call in forwards),
        ),
        remedies=(Remedy("Set model.inline_model_loading to false and restart TabbyAPI"),),
    )
