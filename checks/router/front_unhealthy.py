"""The front that adds TabbyAPI's key for a router is down, changed, or open to everybody.

## What it checks
Where `fix --auth --strategy front` put an nginx, HAProxy or Caddy before TabbyAPI: its unit runs
and starts at boot, its program is installed, its configuration is what the doctor wrote and what
TabbyAPI's address asks for, it runs with the key and the configuration that are there now, and
its fence stands.

## Why it matters
All that the router asks TabbyAPI goes through it: while it is down, nothing is served. And it adds
the key to whatever reaches it, so without its fence every account and every web page in a browser
of this machine may use TabbyAPI.

## How it is told
By systemd's state of `tabbydoctor-front.service`, by its files beside what the doctor makes of
`/etc/tabbydoctor/front/front.json`, by the times of these files beside the start of its process,
and by `nft list table inet tabbydoctor_front`. Nothing is sent through it. Its key is RTR005's.

## What to do
`tabbydoctor fix --auth` writes it anew and restarts it, and sees whether a request goes through.
Where its program was removed, install it again; `tabbydoctor undo` takes the front away.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import AUTH, Cure, Evidence, Finding, Safety, Unknown, check
from tabbydoctor.front.design import CONFIG_PATH, UNIT
from tabbydoctor.front.standing import Front, FrontFault, FrontFaultKind, FrontStanding
from tabbydoctor.tabbyapi.addressing import connectable, host_and_port
from tabbydoctor.tabbyapi.config import EffectiveConfig

_SET_RIGHT = Cure(
    "tabbydoctor.remedies.front:plan_front",
    Safety.UNSAFE,
    title="Write the front anew, restart it, and see whether requests go through",
    command="fix --auth",
)
_TITLES: dict[FrontFaultKind, tuple[str, str]] = {
    "program": ("{program}, which adds the key for {router}, is not installed any more",
                "It does not start again: then nothing that the router asks reaches TabbyAPI."),
    "gone": ("The unit of the front of {router} is gone",
             "Nothing starts it: nothing that the router asks reaches TabbyAPI."),
    "down": ("The front of {router} is down",
             "Nothing that the router asks reaches TabbyAPI. No key goes anywhere else."),
    "disabled": ("The front of {router} does not start at boot",
                 "From the next boot on nothing that the router asks reaches TabbyAPI."),
    "changed": ("What the front of {router} is made of was changed",
                "It is not what the doctor proved."),
    "older": ("The front of {router} runs since before its files were changed",
              "It has what stood there when it was started."),
    "fence": ("Nothing keeps other accounts from the front of {router}",
              "Whoever connects to it has API-key access: every local account, and every web page "
              "in a browser of this machine."),
}  # fmt: skip
"""In the order of what matters: the first that is there is told, the others are evidence."""
_ORDER = ("fence", "gone", "program", "down", "disabled", "changed", "older")


@check(
    "RTR021",
    "router-front-unhealthy",
    category="router",
    cure=_SET_RIGHT,
    tags=(AUTH,),
)
def front_unhealthy(
    front: Front, standing: FrontStanding, config: EffectiveConfig | None = None
) -> Iterator[Finding]:
    faults = sorted(
        (*standing.faults, *_elsewhere(front, config)), key=lambda one: _ORDER.index(one.kind)
    )
    for fault in faults[:1]:
        title, detail = _TITLES[fault.kind]
        names = {"program": front.design.binary, "router": front.design.router}
        yield Finding(
            title.format(**names),
            detail,
            evidence=tuple(Evidence(one.where, one.expected, one.actual) for one in faults),
            remedies=(_SET_RIGHT.remedy("RTR021"),),
        )
    if not faults and standing.unseen:
        raise Unknown(f"{UNIT}: {standing.unseen}")


def _elsewhere(front: Front, config: EffectiveConfig | None) -> Iterator[FrontFault]:
    """It hands on to where TabbyAPI is not to be."""
    if config is None:
        return
    true = host_and_port(connectable(config.host), config.port)
    if front.design.upstream != true:
        yield FrontFault("changed", CONFIG_PATH, true, front.design.upstream)
