"""CFG003 and CFG004: names that TabbyAPI drops, moved with their value or taken out."""

from __future__ import annotations

import pytest

from tabbydoctor.remedies.draft import CannotFix

from .scene import RESTART, Scene


def written(scene: Scene, text: str) -> None:
    scene.write(scene.directory / "config.yml", text, 0o640)


def mended(scene: Scene, id: str, before: str) -> str:
    """The file after the remedy; it is given back to the byte afterwards."""
    written(scene, before)
    kept = scene.snapshot()
    scene.mend(id)
    scene.gone([id])
    after = (scene.directory / "config.yml").read_text()
    scene.state.undo()
    assert scene.snapshot() == kept
    return after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (  # a near miss, in its place, with its comment
            "model:\n  # eight bits\n  cache_mod: 'Q8'  # enough\n  cache_size: 4096\n",
            "model:\n  # eight bits\n  cache_mode: 'Q8'  # enough\n  cache_size: 4096\n",
        ),
        (  # the wrong section
            "network:\n  host: 127.0.0.1\n  max_seq_len: 4096\nmodel:\n  cache_size: 4096\n",
            "network:\n  host: 127.0.0.1\nmodel:\n  cache_size: 4096\n  max_seq_len: 4096\n",
        ),
        (  # no section
            "port: 5005\nmodel:\n  cache_size: 4096\n",
            "model:\n  cache_size: 4096\nnetwork:\n  port: 5005\n",
        ),
        (  # a section by another name
            "draft:\n  # small\n  draft_model_name: tiny\n",
            "draft_model:\n  # small\n  draft_model_name: tiny\n",
        ),
        (  # and its keys
            "server:\n  prt: 5005\n",
            "network:\n  port: 5005\n",
        ),
        (  # beside the section that was meant
            "draft:\n  draft_model_name: tiny\ndraft_model:\n  draft_rope_scale: 1.0\n",
            "draft_model:\n  draft_rope_scale: 1.0\n  draft_model_name: tiny\n",
        ),
        (  # renamed by TabbyAPI
            "developer:\n  cuda_malloc_backend: true\n  unsafe_launch: false\n",
            "developer:\n  unsafe_launch: false\nmemory:\n  cuda_malloc_async: true\n",
        ),
    ],
)
def test_moved_with_its_value(scene: Scene, before: str, after: str) -> None:
    assert mended(scene, "CFG003", before) == after
    assert RESTART in scene.runner.ran


def test_what_went_for_good_is_taken_out_without_a_restart(scene: Scene) -> None:
    before = "model:\n  cache_size: 4096\n  use_cfg: true\n"
    assert mended(scene, "CFG003", before) == "model:\n  cache_size: 4096\n"
    assert scene.runner.ran == []


def test_the_restart_is_said(scene: Scene) -> None:
    written(scene, "model:\n  cache_mod: Q8\n")
    notes = scene.draft("CFG003").notes
    assert "tabbyapi.service is restarted: a loaded model is loaded anew" in notes
    assert "model.cache_mod becomes model.cache_mode and counts from now on" in notes


def test_a_stopped_tabbyapi_is_not_started(scene: Scene) -> None:
    scene.properties = {"ActiveState": "inactive"}
    assert mended(scene, "CFG003", "model:\n  cache_mod: Q8\n") == "model:\n  cache_mode: Q8\n"
    assert scene.runner.ran == []


@pytest.mark.parametrize(
    "text",
    [
        "network:\n  disable_authh: true\n",
        "netwrok:\n  disable_auth: true\n",
        "server:\n  disable_autth: 1\n",
    ],
)
def test_authentication_is_never_switched_off(scene: Scene, text: str) -> None:
    written(scene, text)
    assert scene.findings("CFG003")
    with pytest.raises(CannotFix) as refused:
        scene.draft("CFG003")
    assert refused.value.manual == "sudo tabbydoctor fix --auth --strategy disable-auth"


def test_a_server_without_authentication_is_never_opened(scene: Scene) -> None:
    written(scene, "network:\n  disable_auth: true\nserver:\n  host: 0.0.0.0\n")
    with pytest.raises(CannotFix, match="asks for no key"):
        scene.draft("CFG003")


def test_what_cannot_be_told_is_left_and_named(scene: Scene) -> None:
    written(scene, "model:\n  frobnicate: 1\n  cache_mod: Q8\n")
    draft = scene.draft("CFG003")
    assert draft.changes_files
    (left,) = draft.manual
    assert "model.frobnicate" in left
    written(scene, "model:\n  frobnicate: 1\n")
    with pytest.raises(CannotFix, match=r"model\.frobnicate"):
        scene.draft("CFG003")


def test_a_place_that_is_taken_is_left(scene: Scene) -> None:
    written(scene, "model:\n  cache_mod: Q8\n  cache_mode: Q4\n")
    with pytest.raises(CannotFix, match=r"change model\.cache_mod by hand"):
        scene.draft("CFG003")


WRONG = "auth:\n  disable: true\nmodel:\n  cache_mod: Q8\n"


def on_nixos(scene: Scene) -> None:
    text = "[Service]\nExecStart=/nix/store/abc-tabbyapi/bin/tabbyapi\n"
    scene.write(scene.root / "units/tabbyapi.service", text, owner=0)


@pytest.mark.parametrize("id", ["CFG003", "CFG004"])
def test_what_is_written_anew_at_each_start_is_left(scene: Scene, id: str) -> None:
    on_nixos(scene)
    given = scene.directory / "config/config.yml"
    scene.write(given, WRONG)
    scene.arguments = ("--config", str(given))
    scene.properties["ExecStartPre"] = f"{{ argv[]=/nix/store/x-cp from {given} ; }}"
    with pytest.raises(CannotFix, match=r"config/config\.yml is written anew at each start"):
        scene.draft(id)


@pytest.mark.parametrize("id", ["CFG003", "CFG004"])
def test_a_file_that_nixos_leaves_alone_is_mended(scene: Scene, id: str) -> None:
    on_nixos(scene)
    assert mended(scene, id, WRONG) != WRONG


# CFG004


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# mine\nauth:\n  disable: true\nnetwork:\n  port: 5000\n", "network:\n  port: 5000\n"),
        ("network:\n  port: 5000\n  enable_auth: false\n", "network:\n  port: 5000\n"),
        ("disable_auth: true\nnetwork:\n  port: 5000\n", "network:\n  port: 5000\n"),
    ],
)
def test_what_never_had_an_effect_goes(scene: Scene, before: str, after: str) -> None:
    assert mended(scene, "CFG004", before).replace("# mine\n", "") == after
    assert scene.runner.ran == []


def test_it_is_said_that_authentication_stays(scene: Scene) -> None:
    written(scene, "auth:\n  disable: true\n")
    assert scene.draft("CFG004").notes == [
        "authentication stays on: network.disable_auth alone decides"
    ]
