"""By that router's own rules its requests miss what TabbyAPI serves.

## What it checks
The path that a gateway makes of a caller's request must be one that TabbyAPI has, and the server
that it asks the one TabbyAPI is.

## Why it matters
TabbyAPI serves OpenAI's API below /v1 alone and answers anything else with 404, however right the
key is. The caller reads `Not Found`, and looks for the fault in the model's name.

## How it is told
Each kind by its own rules. LiteLLM adds /chat/completions to `api_base`, and takes what stands
before the / of `model` for the provider. llama-swap adds the caller's path to `proxy`, and asks
`${PORT}` without one. nginx puts the URI of `proxy_pass` in the place of the location's prefix, and
passes the path on as it is where proxy_pass has none; HAProxy, Caddy and Traefik change a path
only where they are told to. Requests such as OpenAI's clients send are followed through.

## What to do
Write what is shown there. `tabbydoctor fix RTR016` does so for LiteLLM and llama-swap.
"""

from collections.abc import Iterator

from tabbydoctor.api import CURE, Cure, Evidence, Finding, Remedy, Safety, Unknown, check
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.gateways.remedies import by_hand

from . import file_name, readable


@check(
    "RTR016",
    "router-wrong-path",
    category="router",
    cure=Cure("tabbydoctor.remedies.gateway_values:mend_path", Safety.UNSAFE, in_part=True),
)
def wrong_path(reading: RouterReading, site: RouterSite | None = None) -> Iterator[Finding]:
    for miss in readable(reading).misses:
        place = f"{miss.file}:{miss.line}"
        lines = by_hand(reading, "path", site, {(miss.file, miss.line)})
        mended = (CURE,) if reading.mends("path") else ()
        yield Finding(
            f"{file_name(reading, [place])} asks TabbyAPI for what it does not serve",
            f"{miss.why[:1].upper()}{miss.why[1:]}: TabbyAPI is not reached, or answers 404.",
            (Evidence(place, miss.meant, miss.asks),),
            (*mended, *lines, *(() if lines else (Remedy(f"Write {miss.meant} there"),))),
        )
    if not reading.misses and reading.incomplete:
        raise Unknown(reading.incomplete)
