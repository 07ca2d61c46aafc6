"""Routers that an older version wired, which let a caller's key stay: brought up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabbydoctor.repair.changes import FileChange, Plan
from tabbydoctor.repair.safefile import read
from tabbydoctor.routers.marked_block import marked_block

from .router_scene import applied, loaded, router, well
from .scene import KEY, Scene

DATA = Path(__file__).with_name("data")
UNWIRED = (DATA / "unwired.py.txt").read_text()
TOKENS, ENVIRONMENT = "wired-before-tokens.py.txt", "wired-before-environment.py.txt"


def before(scene: Scene, name: str) -> str:
    text = (DATA / name).read_text()
    return text.replace("/srv/tabbyAPI/api_tokens.yml", str(scene.tokens))


def test_what_a_caller_sends_is_seen_to_stay(scene: Scene) -> None:
    router(scene, before(scene, TOKENS))
    (finding,) = scene.findings("RTR002")
    assert finding.evidence[0].actual == "what the caller sent"
    assert scene.findings("RTR001") == []


def test_the_helper_is_renewed_and_nothing_else(scene: Scene) -> None:
    path = router(scene, before(scene, TOKENS))
    draft = applied(scene)
    assert "the helper is brought up to date" in draft.notes
    assert any("admin key go to TabbyAPI itself" in note for note in draft.notes)
    text = path.read_text()
    block = marked_block(text)
    assert block is not None
    assert not block.outdated
    lines = [line for line in text.splitlines() if line in before(scene, TOKENS).splitlines()]
    assert [line for line in UNWIRED.splitlines() if line not in lines] == [
        "client = httpx.Client(base_url=TABBY)"
    ]
    well(scene)


def test_one_that_has_the_key_by_its_unit_keeps_it_so(scene: Scene) -> None:
    path = router(scene, before(scene, ENVIRONMENT), environment="TABBY_API_KEY=" + KEY)
    assert scene.findings("RTR002")
    applied(scene)
    assert str(scene.tokens) not in path.read_text()
    assert scene.findings("RTR002") == []


@pytest.mark.parametrize("renewed", [False, True])
def test_a_change_of_before_is_taken_back_to_the_byte(scene: Scene, renewed: bool) -> None:
    path = router(scene, UNWIRED)
    untouched = scene.snapshot()
    state = read(str(path))
    assert state is not None
    wired = state.with_content(before(scene, TOKENS).encode())
    change = FileChange(str(path), state, wired)
    assert scene.state.apply(Plan("wire it", (change,)), lambda: True).verified
    loaded(scene)
    if renewed:
        applied(scene)
        assert path.read_bytes() != wired.content
        scene.state.undo()
        assert path.read_bytes() == wired.content
    scene.state.undo()
    assert scene.snapshot() == untouched
