"""Several blocks of Nix become one that Nix takes, and nothing of them is lost."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tabbydoctor.nixos.by_rebuild import THEN
from tabbydoctor.nixos.nix_text import literal
from tabbydoctor.nixos.one_block import one_block

from .nix import evaluate, needs_nix
from .test_nix_text import TEXTS

NAMES = st.sampled_from(["a.b", "systemd.services.a.wantedBy", "users.users.ivan.extraGroups"])
LISTS = st.tuples(NAMES, st.lists(TEXTS, min_size=1, max_size=3))


def block(*lines: str) -> str:
    return "\n".join((*lines, THEN))


@needs_nix
def test_lists_are_joined_and_the_command_is_said_once(tmp_path: Path) -> None:
    text = one_block(
        [
            block("# one", 'a.extraGroups = [ "x" ];', "c = 1;"),
            block("# two", 'a.extraGroups = [ "y z" "x" ];', "c = 1;"),
            block("c = 2;"),
        ]
    )
    assert evaluate("{" + text + "\n}", tmp_path) == {"a": {"extraGroups": ["x", "y z"]}, "c": 1}
    assert text.splitlines()[-2:] == ["# or: c = 2;", THEN]
    assert text.count(THEN) == 1


@given(st.lists(LISTS, max_size=5))
def test_every_item_of_every_list_is_kept(said: list[tuple[str, list[str]]]) -> None:
    blocks = [block(f"{name} = {literal(items)};") for name, items in said]
    text = one_block(blocks)
    names = [line.partition(" = ")[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(names) == len(set(names)), text
    assert all(literal(item) in text for _, items in said for item in items)


@needs_nix
def test_an_item_is_said_once_and_one_that_is_a_part_of_another_kept(tmp_path: Path) -> None:
    name = "users.users.ivan.extraGroups"
    text = one_block([block(f'{name} = [ "a b" "c" "d" ];'), block(f'{name} = [ "a b" "b" "d" ];')])
    assert evaluate("{" + text + "\n}", tmp_path)["users"]["users"]["ivan"] == {
        "extraGroups": ["a b", "c", "d", "b"]
    }


@needs_nix
def test_a_list_that_is_one_value_is_not_added_to(tmp_path: Path) -> None:
    name = "services.tabbyapi.gpuSplit"
    text = one_block([block(f"{name} = [ 20.0 ];"), block(f"{name} = [ 24.0 ];")])
    assert evaluate("{" + text + "\n}", tmp_path)["services"]["tabbyapi"] == {"gpuSplit": [20]}
    assert f"# or: {name} = [ 24.0 ];" in text


@needs_nix
def test_a_binding_of_several_lines_is_one(tmp_path: Path) -> None:
    blocks = [
        block(f"services.tabbyapi.loras = {literal([{'name': name, 'scaling': 1.0}])};", "c = 1;")
        for name in ("x", "y", "x")
    ]
    text = one_block(blocks)
    assert evaluate("{" + text + "\n}", tmp_path) == {
        "services": {"tabbyapi": {"loras": [{"name": "x", "scaling": 1}]}}, "c": 1,
    }  # fmt: skip
    assert text.count("# or: services.tabbyapi.loras") == 1
