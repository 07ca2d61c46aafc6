"""RTR008 alone: other backends are sent the key, and authentication works."""

from __future__ import annotations

import pytest

from tabbydoctor.remedies.request import FixRequest

from .router_scene import loaded, router
from .scene import KEY, Scene

SOURCE = """\
import os
import requests

KEY = os.environ["TABBY_API_KEY"]
BACKENDS = {"tabby": "http://127.0.0.1:5000", "llama": "http://127.0.0.1:8085"}
"""
LITERAL = """

def forward(name, body):
    url = BACKENDS[name] + "/v1/chat/completions"
    return requests.post(url, json=body, headers={"Authorization": "Bearer " + KEY})
"""
CLIENT = """

def forward(name, body):
    with requests.Session() as session:
        url = BACKENDS[name] + "/v1/completions"
        return session.post(url, json=body, headers={"X-Api-Key": KEY, "X-Own": "1"})
"""
CALLED = """

def headers():
    return {"Authorization": "Bearer " + KEY}


def forward(name, body):
    return requests.post(BACKENDS[name] + "/v1/completions", json=body, headers=headers())
"""


@pytest.mark.parametrize("sends", [LITERAL, CLIENT], ids=["a call", "a client"])
@pytest.mark.parametrize("asked", [{"ids": ("RTR008",)}, {"auth": True}], ids=["id", "auth"])
def test_the_key_goes_to_tabbyapi_alone(
    scene: Scene, sends: str, asked: dict[str, tuple[str, ...]]
) -> None:
    given = f"TABBY_API_KEY={KEY}"
    path = router(scene, SOURCE + sends, given)
    assert len(scene.findings("RTR008")) == 1
    scene.given[FixRequest] = FixRequest(**asked)  # type: ignore[arg-type]
    draft = scene.draft("RTR008")
    assert KEY not in draft.plan().diff()
    assert any("other backends have seen" in said for said in draft.manual)
    assert scene.state.apply(draft.plan(), lambda: True).verified
    loaded(scene, given)
    assert scene.findings("RTR008") == scene.findings("RTR002") == []
    assert "_tabby_auth" in path.read_text()


def test_what_is_not_named_in_the_call_is_left_with_its_line(scene: Scene) -> None:
    path = router(scene, SOURCE + CALLED, f"TABBY_API_KEY={KEY}")
    before = path.read_text()
    scene.given[FixRequest] = FixRequest(ids=("RTR008",))
    draft = scene.draft("RTR008")
    assert draft.plan().empty
    assert any(said.startswith("line 13: other backends get") for said in draft.manual)
    assert path.read_text() == before
