"""The key of the router's own gives way to TabbyAPI's where it is refused, or not set."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.remedies.options import FixOptions
from tabbydoctor.tabbyapi.probes import Address
from tests.routers.cases import DATA

from .scene import KEY, ROOT, Scene

OTHER = "9" * 32
ENVIRONMENT = (DATA / "requests_variable.py.txt").read_text()
LITERAL = ENVIRONMENT.replace('os.environ.get("TABBY_API_KEY")', f'"{OTHER}"')

OVERRIDES = "in the place of whatever key they carry"


def router(scene: Scene, text: str, environment: str) -> Path:
    """A router of root's, with `Environment=`, that reaches TabbyAPI at its usual address."""
    path = scene.write(scene.root / "router/router.py", text, owner=0)
    unit = scene.unit_named("llm-router.service", User="root", Environment=environment)
    scene.router = RouterSite(str(path), "python", unit, None, ROOT)
    scene.given[Address] = Address("http://127.0.0.1:5000", "127.0.0.1:5000", "its socket")
    return path


def planned(scene: Scene, strategy: str) -> str:
    scene.given[FixOptions] = FixOptions(strategy=strategy)  # type: ignore[arg-type]
    return scene.draft("RTR005").plan().diff()


@pytest.mark.parametrize(
    ("text", "environment", "replaced"),
    [
        (ENVIRONMENT, f"TABBY_API_KEY={KEY}", False),
        (ENVIRONMENT, f"TABBY_API_KEY={OTHER}", True),
        (ENVIRONMENT, "", True),
        (LITERAL, "", True),
    ],
    ids=["right", "refused", "not set", "written in the source"],
)
def test_a_key_of_its_own(scene: Scene, text: str, environment: str, replaced: bool) -> None:
    router(scene, text, environment)
    diff = planned(scene, "router-tokens")
    assert (OVERRIDES in diff) is replaced
    assert KEY not in diff


def test_what_replaces_it_is_read_as_right(scene: Scene) -> None:
    path = router(scene, ENVIRONMENT, f"TABBY_API_KEY={OTHER}")
    assert scene.findings("RTR005")
    planned(scene, "router-tokens")
    assert scene.state.apply(scene.draft("RTR005").plan(), lambda: True).verified
    assert OVERRIDES in path.read_text()
    assert scene.findings("RTR005") == scene.findings("RTR001") == []
    assert scene.draft("RTR005").plan().empty
