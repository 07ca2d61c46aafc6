"""An old key in a file that the router's unit has it from: that file is changed, nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tabbydoctor.host.data import Process
from tabbydoctor.remedies.draft import CannotFix
from tabbydoctor.remedies.request import FixRequest, Strategy
from tabbydoctor.tabbyapi.tokens import Tokens

from .router_scene import ENVIRONMENT, OTHER, UNIT, applied, loaded, planned, router, well
from .scene import KEY, Scene

KEYLESS = ENVIRONMENT.replace("headers=headers, ", "").replace(", headers=headers", "")
OWN_LINES = """\
import os

import httpx

URL = "http://127.0.0.1:5000"


def headers():
    with open(os.path.join(os.environ["CREDENTIALS_DIRECTORY"], "tabby_api_key")) as file:
        return {"Authorization": "Bearer " + file.read().strip()}


def check_health():
    return httpx.get(URL + "/v1/models", headers=headers()).status_code == 200


def forward(body):
    return httpx.post(URL + "/v1/chat/completions", json=body, headers=headers())
"""


def wired(scene: Scene) -> Path:
    """A router that tabbydoctor gave its key as a credential, which is old now."""
    path = router(scene, KEYLESS)
    assert scene.findings("RTR001") or scene.findings("RTR002")
    applied(scene, "router-env")
    well(scene, "router-env")
    copy(scene).write_text(OTHER)
    loaded(scene)
    assert scene.findings("RTR005")
    return path


def copy(scene: Scene) -> Path:
    return scene.root / "kept" / UNIT / "tabby_api_key"


def changed(scene: Scene, strategy: Strategy | None = None) -> list[str]:
    """The files that a repair changes. It restarts the router, and works."""
    before = scene.snapshot()
    applied(scene, strategy)
    assert scene.runner.ran[-1].endswith(f"restart -- {UNIT}")
    assert scene.findings("RTR005") == []
    after = scene.snapshot()
    assert set(before) == set(after)
    return [path for path, one in after.items() if one != before[path]]


@pytest.mark.parametrize("strategy", [None, "router-env"])
def test_its_credential(scene: Scene, strategy: Strategy | None) -> None:
    wired(scene)
    assert changed(scene, strategy) == [f"kept/{UNIT}/tabby_api_key"]
    assert copy(scene).read_text() == KEY
    well(scene, "router-env")


def test_by_the_name_of_the_finding(scene: Scene) -> None:
    wired(scene)
    draft = scene.draft("RTR005")
    assert [change.path for change in draft.plan().files] == [str(copy(scene))]


def test_a_source_that_reads_the_tokens_has_no_use_for_the_credential(scene: Scene) -> None:
    path = wired(scene)
    applied(scene, "router-tokens")
    assert str(scene.tokens) in path.read_text()
    assert not copy(scene).exists()
    well(scene, "router-tokens")


@pytest.mark.parametrize("strategy", [None, "router-env"])
def test_a_credential_of_the_operators(scene: Scene, strategy: Strategy | None) -> None:
    own = scene.write(scene.root / "own/key", f"{OTHER}\n", 0o600, 0)
    router(scene, OWN_LINES)
    unit = scene.root / "units" / UNIT
    unit.write_text(f"[Service]\nLoadCredential=tabby_api_key:{own}\n")
    loaded(scene)
    assert scene.findings("RTR005")
    assert changed(scene, strategy) == ["own/key"]
    assert own.read_text() == f"{KEY}\n"


def environment_file(scene: Scene, text: str = f"# mine\nTABBY_API_KEY={OTHER}\n") -> Path:
    own = scene.write(scene.root / "own/environment", text, 0o600, 0)
    router(scene, ENVIRONMENT)
    (scene.root / "units" / UNIT).write_text(f"[Service]\nEnvironmentFile={own}\n")
    loaded(scene)
    return own


@pytest.mark.parametrize("strategy", [None, "router-env"])
def test_an_environment_file_of_the_operators(scene: Scene, strategy: Strategy | None) -> None:
    own = environment_file(scene)
    assert scene.findings("RTR005")[0].evidence[0].source == str(own)
    assert changed(scene, strategy) == ["own/environment"]
    assert own.read_text() == f'# mine\nTABBY_API_KEY="{KEY}"\n'


def test_one_that_everybody_reads_is_not_given_the_key(scene: Scene) -> None:
    own = environment_file(scene)
    own.chmod(0o644)
    assert f"+++ {own}" not in planned(scene, None)
    assert f"+++ {own}" not in planned(scene, "router-env")


def test_the_old_key_of_what_runs_needs_a_restart_alone(scene: Scene) -> None:
    environment_file(scene, f"TABBY_API_KEY={KEY}\n")
    assert scene.router
    process = Process(42, ("python", "router.py"), environment={"TABBY_API_KEY": OTHER})
    scene.router = replace(scene.router, process=process)
    assert scene.findings("RTR005")
    scene.given[FixRequest] = FixRequest()
    plan = scene.draft("RTR005").plan()
    assert (plan.files, [action.kind for action in plan.actions]) == ((), ["restart"])


def test_what_lacks_more_is_wired(scene: Scene) -> None:
    path = wired(scene)
    path.write_text(path.read_text().replace("auth=_tabby_auth", "", 1).replace(", )", ")"))
    loaded(scene)
    applied(scene)
    assert str(scene.tokens) in path.read_text()


def test_of_several_credentials_of_one_name_the_last_counts(scene: Scene) -> None:
    old = scene.write(scene.root / "own/old", OTHER, 0o600, 0)
    new = scene.write(scene.root / "own/new", KEY, 0o600, 0)
    router(scene, OWN_LINES)
    lines = "".join(f"LoadCredential=tabby_api_key:{path}\n" for path in (old, new))
    (scene.root / "units" / UNIT).write_text(f"[Service]\n{lines}")
    loaded(scene)
    assert scene.findings("RTR005") == []


def test_a_credential_that_is_no_bare_key_is_not_compared(scene: Scene) -> None:
    own = scene.write(scene.root / "own/tokens", scene.tokens.read_text(), 0o600, 0)
    router(scene, OWN_LINES)
    (scene.root / "units" / UNIT).write_text(f"[Service]\nLoadCredential=tabby:{own}\n")
    loaded(scene)
    assert scene.findings("RTR005") == []


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (
            Tokens("/t", None, "unreadable", "reading it needs root (use sudo)"),
            "cannot be read: .*sudo",
        ),
        (Tokens("/t", None, "unreadable"), "cannot be read: use sudo"),
        (Tokens("/t", None, "missing"), "is not there"),
        (Tokens("/t", None), "holds no API key"),
    ],
)
def test_why_there_is_no_key_to_send(scene: Scene, tokens: Tokens, said: str) -> None:
    router(scene, KEYLESS)
    scene.given[Tokens] = tokens
    with pytest.raises(CannotFix, match=f"^/t {said}"):
        planned(scene, None)
