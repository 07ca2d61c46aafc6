"""A router in front of the deployment, and what a repair of it comes to."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tabbydoctor import plugins
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.diagnosis.report import CheckResult
from tabbydoctor.diagnosis.runner import run_checks
from tabbydoctor.remedies.draft import Draft
from tabbydoctor.remedies.request import FixRequest, Strategy
from tabbydoctor.tabbyapi.probes import Address
from tests.routers.cases import DATA

from .scene import KEY, ROOT, Scene

OTHER = "9" * 32
ENVIRONMENT = (DATA / "requests_variable.py.txt").read_text()
UNIT = "llm-router.service"


def router(scene: Scene, text: str, environment: str = "") -> Path:
    """A router of root's, with `Environment=`, that reaches TabbyAPI at its usual address."""
    path = scene.write(scene.root / "router/router.py", text, owner=0)
    settings = f"Environment={environment}\n" if environment else ""
    scene.write(scene.root / "units" / UNIT, f"[Service]\n{settings}", owner=0)
    scene.given[Address] = Address("http://127.0.0.1:5000", "127.0.0.1:5000", "its socket")
    loaded(scene, environment)
    return path


def loaded(scene: Scene, environment: str = "") -> None:
    """What systemd has of the router's unit once it has read its files again."""
    unit = scene.unit_named(UNIT, User="root", Environment=environment)
    path = str(scene.root / "router/router.py")
    scene.router = RouterSite(path, "python", unit, None, ROOT)


def planned(scene: Scene, strategy: Strategy | None) -> str:
    scene.given[FixRequest] = FixRequest(strategy=strategy)
    return scene.draft("RTR005").plan().diff()


def applied(scene: Scene, strategy: Strategy | None = None) -> Draft:
    """Plan, apply and load it."""
    scene.given[FixRequest] = FixRequest(strategy=strategy)
    draft = scene.draft("RTR005")
    plan = draft.plan()
    assert KEY not in plan.diff()
    assert scene.state.apply(plan, lambda: True).verified
    loaded(scene)
    return draft


def well(scene: Scene, strategy: Strategy | None = None) -> None:
    """The router sends the right key, and there is nothing more to do."""
    for id in ("RTR001", "RTR002", "RTR005", "RTR009"):
        assert scene.findings(id) == []
    assert planned(scene, strategy) == ""


def judged(scene: Scene, id: str) -> CheckResult:
    async def run() -> CheckResult:
        facts = scene.facts()
        try:
            (result,) = await run_checks([c for c in plugins.checks() if c.id == id], facts, 30.0)
            return result
        finally:
            await facts.close()

    return asyncio.run(run())
