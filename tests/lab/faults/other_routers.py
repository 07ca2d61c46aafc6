"""Faults of routers in another language, of what only the running router shows, and of names."""

from __future__ import annotations

from pathlib import Path

from tests.lab.deployment import ROUTER_PORT, TABBY_PORT, Deployment
from tests.lab.faults.fault import edit_router, fault, set_unit
from tests.lab.faults.router import PROBE, ROUTER

SOURCE = Path(__file__).parents[2] / "routers" / "live" / "router.mjs"
PROGRAM = Path("/opt/llm-router/router.mjs")
REFUSED = {"RTR010", "SVC011"}


def in_javascript(d: Deployment, policy: str, **environment: str) -> None:
    """The router in Node, which serves in place of the one in Python."""
    d.machine.write(PROGRAM, SOURCE.read_text())
    d.machine.remove(str(d.router))
    given = {
        "POLICY": policy,
        "PORT": str(ROUTER_PORT),
        "UPSTREAM": f"http://127.0.0.1:{TABBY_PORT}",
        **environment,
    }
    words = (f"Environment={name}={value}" for name, value in given.items())
    set_unit(d, "ExecStart=", f"ExecStart=/usr/bin/node {PROGRAM}", *words, unit=ROUTER)


@fault("a router in another language that hands on what it gets", "RTR002", consequences=REFUSED)
def hands_on(d: Deployment) -> None:
    in_javascript(d, "passthrough")


@fault("a router in another language without a key", "RTR002", consequences=REFUSED)
def sends_none(d: Deployment) -> None:
    in_javascript(d, "none")


@fault("a router in another language with an old key", "RTR005", consequences=REFUSED)
def sends_old(d: Deployment) -> None:
    in_javascript(d, "wrong")


@fault("a router in another language that answers by itself", "RTR019")
def tells_nothing(d: Deployment) -> None:
    in_javascript(d, "table")


@fault(
    "a router in another language whose health check sends no key",
    "RTR001",
    consequences={"RTR019", *REFUSED},
    waits_for=lambda d: any(
        '"GET /v1/models HTTP' in str(line["MESSAGE"])
        for line in d.machine.journal("tabbyapi.service")
    ),
)
def probes_bare(d: Deployment) -> None:
    in_javascript(d, "probe")


@fault("the router's own check of TabbyAPI fails", "RTR010")
def own_check_fails(d: Deployment) -> None:
    edit_router(d, (PROBE, PROBE.replace("/v1/models", "/v1/modelz")))


@fault("the machine's name leads elsewhere", "RTR013", consequences={"RTR010", "RTR012", "RTR019"})
def name_elsewhere(d: Deployment) -> None:
    d.machine.write("/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 gpu-box\n")
    edit_router(d, ("http://127.0.0.1:{PORTS[backend]}", "http://gpu-box:{PORTS[backend]}"))


@fault(
    "localhost is ::1 alone",
    "RTR013",
    also=("RTR012",),  # it asks its other backends there, too
    consequences={"RTR010", "RTR019"},
)
def six_alone(d: Deployment) -> None:
    d.machine.write("/etc/hosts", "::1 localhost\n")
    d.machine.run(["sed", "-i", "s/^hosts:.*/hosts: files/", "/etc/nsswitch.conf"])
    edit_router(d, ("http://127.0.0.1:{PORTS[backend]}", "http://localhost:{PORTS[backend]}"))
