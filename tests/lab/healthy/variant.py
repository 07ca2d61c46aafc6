"""A healthy variant: another way to run TabbyAPI, of which the doctor must find nothing wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.lab.deployment import UNITS, Deployment

Step = Callable[[Deployment], None]
ROUTER = "llm-router.service"
HOME = "http://127.0.0.1:5000"


def as_usual(d: Deployment) -> None:
    """Start all units, and wait for each."""
    d.start()
    d.wait_ready()


@dataclass(frozen=True)
class Variant:
    """One healthy deployment."""

    name: str
    arrange: Step
    """What is different, before anything is started."""
    start: Step = as_usual
    """Starts it, and waits until it serves."""
    deploy: Mapping[str, Any] = field(default_factory=dict)
    """Variations of the deployment it is made of."""
    doctor_env: Mapping[str, str] = field(default_factory=dict)
    """What the stand-in NVML is to say."""
    arguments: tuple[str, ...] = ()
    """Further arguments of `check`; only where nothing could find it without."""
    forwards: bool = True
    """Whether the router of the lab can be asked to forward a request."""
    stand_in: str = ""
    """Why a real TabbyAPI cannot be run like this here."""


VARIANTS: dict[str, Variant] = {}


def variant(name: str, **more: Any) -> Callable[[Step], Step]:
    """Enter a variant into the catalogue; `more` are the fields of `Variant`."""

    def enter(arrange: Step) -> Step:
        assert name not in VARIANTS, name
        VARIANTS[name] = Variant(name, arrange, **more)
        return arrange

    return enter


def serves(d: Deployment, url: str = HOME) -> None:
    """Wait until TabbyAPI answers there."""
    d.machine.wait_for(
        lambda: d.request("GET", f"{url}/health").status == 200, f"TabbyAPI to serve at {url}", 30
    )


def start_at(url: str, *, router: bool = True) -> Step:
    """Starts all units where TabbyAPI serves elsewhere, the router's only if there is one."""

    def start(d: Deployment) -> None:
        units = set(UNITS) - (set() if router else {ROUTER})
        there = [unit for unit in units if d.machine.exists(f"/etc/systemd/system/{unit}")]
        d.machine.systemctl("start", *there)
        serves(d, url)
        if router:
            d.machine.wait_for(
                lambda: d.request("GET", "http://127.0.0.1:8002/").status != 0, "the router", 30
            )
        for port in (30000, 8085):
            d.machine.wait_for(
                lambda port=port: d.request("GET", f"http://127.0.0.1:{port}/health").status == 200,  # type: ignore[misc]
                f"the backend on port {port}",
                30,
            )

    return start


def without_router(d: Deployment) -> None:
    """Take the router away, and what only it needed."""
    d.machine.systemctl("disable", "--quiet", ROUTER)
    d.machine.remove(f"/etc/systemd/system/{ROUTER}", "/opt/llm-router")
