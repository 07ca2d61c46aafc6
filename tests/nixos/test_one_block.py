"""Several blocks of Nix become one that Nix takes, and nothing of them is lost."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tabbydoctor.nixos.nix_text import literal
from tabbydoctor.nixos.one_block import THEN, one_block

from .nix import evaluate, needs_nix
from .test_nix_text import TEXTS

NAMES = st.sampled_from(["a.b", "a.c", "users.users.ivan.extraGroups"])
LISTS = st.tuples(NAMES, st.lists(TEXTS, min_size=1, max_size=3))


def block(*lines: str) -> str:
    return "\n".join((*lines, THEN))


@needs_nix
def test_lists_are_joined_and_the_command_is_said_once(tmp_path: Path) -> None:
    text = one_block(
        [
            block("# one", 'a.b = [ "x" ];', "c = 1;"),
            block("# two", 'a.b = [ "y z" ];', "c = 1;"),
            block("c = 2;"),
        ]
    )
    assert evaluate("{" + text + "\n}", tmp_path) == {"a": {"b": ["x", "y z"]}, "c": 1}
    assert text.splitlines()[-2:] == ["# or: c = 2;", THEN]
    assert text.count(THEN) == 1


@given(st.lists(LISTS, max_size=5))
def test_every_item_of_every_list_is_kept(said: list[tuple[str, list[str]]]) -> None:
    blocks = [block(f"{name} = {literal(items)};") for name, items in said]
    text = one_block(blocks)
    names = [line.partition(" = ")[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(names) == len(set(names)), text
    assert all(literal(item) in text for _, items in said for item in items)
