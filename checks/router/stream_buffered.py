"""A gateway holds TabbyAPI's streams back until a buffer is full.

## What it checks
Whether a gateway hands on the tokens of a stream as they come.

## Why it matters
The answer comes in lumps, or all at once at its end: it looks as if streaming were broken, and a
client may give up before the first token.

## How it is told
TabbyAPI's streams carry `X-Accel-Buffering: no`, which nginx obeys: its `proxy_buffering on`, the
default, does no harm. It is not obeyed where `proxy_ignore_headers` names that header. Caddy,
HAProxy and Traefik hand a stream on as it comes.

## What to do
Write `proxy_buffering off` where TabbyAPI's requests are passed on.
"""

from collections.abc import Iterator

from tabbydoctor.api import Finding, Remedy, Severity, check
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.gateways.remedies import by_hand

from . import evidence_at, file_name, readable


@check("RTR020", "router-stream-buffered", category="router", severity=Severity.WARNING)
def stream_buffered(reading: RouterReading, site: RouterSite | None = None) -> Iterator[Finding]:
    places = readable(reading).at(lambda part: part.buffers)
    if places:
        yield Finding(
            f"{file_name(reading, places)} holds TabbyAPI's streams back",
            "It is told to ignore TabbyAPI's X-Accel-Buffering: no, and buffers.",
            evidence_at(places, "proxy_buffering off", "X-Accel-Buffering ignored"),
            by_hand(reading, "stream", site) or (Remedy("Write proxy_buffering off there"),),
        )
