"""Requests of the router's own that TabbyAPI refused: its log, beside the router's sockets."""

from __future__ import annotations

import contextlib
import re

from tabbydoctor.deployment.parts import Connections, RouterSite
from tabbydoctor.facts import Absent
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass
from tabbydoctor.routers.announced import of_others
from tabbydoctor.routers.gateways import GATEWAYS
from tabbydoctor.routers.inputs import RouterInputs
from tabbydoctor.routers.urls import server
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.tabbyapi.probes import Address

_ASKED = re.compile(r'(\S+):(\d+) - "(\w+) (\S+) HTTP/1\.\d" (\d{3})')
_STATE = re.compile(r"/v1/(models?|model/list|auth/permission|internal/model/(info|list))")
"""What is asked to learn how TabbyAPI is, and needs a key."""
_TAKEN_IN = 5.0
"""Seconds in which a gateway is told of a change: whoever asks wrongly then asks again."""
_LAST = 400
"""Lines from the end of a log that was not read whole: earlier ones may be of another socket."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One request with 401, by its access line."""

    client: str
    """Address and port it came from."""
    pid: int
    """The router's process that holds that port."""
    path: str


@dataclass(frozen=True, slots=True)
class RouterRefusals:
    """The last request on each socket of the router's, where TabbyAPI refused it."""

    source: str
    """What shows the log."""
    found: tuple[Refusal, ...] = ()


def router_refusals(
    host: Host,
    site: RouterSite,
    address: Address,
    connections: Connections,
    log: RunLog,
    inputs: RouterInputs | None = None,
) -> RouterRefusals:
    """Compare the clients in TabbyAPI's log with the router's sockets.

    What the doctor itself asked, through the router too, is left out; so is what a gateway asked
    before its configuration was changed, whose process stays.
    """
    place = server(address.url)
    if place is None or not log.present:
        raise Absent("TabbyAPI is not running")
    held = {one.local: one.pid for one in connections.made_to(place[1]) if one.pid in site.pids}
    lines = log.lines if log.complete else log.lines[-_LAST:]
    since = _taken_in(host, site, inputs)
    last = {
        (seen[1].strip("[]"), int(seen[2])): seen
        for line in of_others(lines)
        if line.time >= since and (seen := _ASKED.search(line.text))
    }
    refused = tuple(
        Refusal(f"{client[0]}:{client[1]}", pid, last[client][4].partition("?")[0])
        for client, pid in held.items()
        if pid is not None and client in last and _is_refused_state(last[client])
    )
    return RouterRefusals(log.source, refused)


def _taken_in(host: Host, site: RouterSite, inputs: RouterInputs | None) -> float:
    """When a gateway has its configuration as it is now; 0 for what a reload does not reach."""
    if site.kind not in GATEWAYS or inputs is None:
        return 0.0
    times = [0.0]
    for path in (inputs.reading.path, *inputs.files):
        with contextlib.suppress(OSError, ValueError):
            times.append(host.status(path).modified)
    return max(times) + _TAKEN_IN


def _is_refused_state(seen: re.Match[str]) -> bool:
    return (
        seen[3] == "GET"
        and seen[5] == "401"
        and _STATE.fullmatch(seen[4].partition("?")[0]) is not None
    )


GATHERERS = (router_refusals,)
