"""Several blocks of Nix become one that Nix takes, and nothing of them is lost."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tabbydoctor.api import Remedy
from tabbydoctor.nixos.by_rebuild import THEN, by_rebuild, to_paste
from tabbydoctor.nixos.nix_text import literal
from tabbydoctor.nixos.one_block import one_block

from .nix import evaluate, needs_nix
from .test_nix_text import TEXTS

OFF, HOST = "services.tabbyapi.disableAuth = false;", 'services.tabbyapi.host = "127.0.0.1";'
GIVE = Remedy("Then give the router the key", commands=("sudo tabbydoctor fix --auth",))
SWITCHED = [by_rebuild("Set it", OFF), GIVE, by_rebuild("Or bind loopback", HOST)]
OPENED = [by_rebuild("Switch it on", OFF), by_rebuild("Or serve this machine alone", HOST)]
WRITTEN = [
    Remedy("Write the file", commands=("sudo install /dev/null /a.env", "sudoedit /a.env")),
    by_rebuild("Or make it optional", 'a.EnvironmentFile = [ "-/a.env" ];'),
]
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


def pasted(*findings: list[Remedy]) -> list[str]:
    return one_block("\n".join(to_paste(one)) for one in findings).splitlines()


def test_a_title_whose_lines_are_said_already_is_left_out() -> None:
    assert pasted(SWITCHED, OPENED) == pasted(SWITCHED)
    more = [by_rebuild("Switch it on", OFF, "a = 1;")]
    assert pasted(SWITCHED, more)[4:7] == ["## Switch it on, in configuration.nix", "a = 1;", THEN]


def test_what_follows_the_rebuild_stands_behind_it() -> None:
    last = [THEN, "## Then give the router the key", "# then: sudo tabbydoctor fix --auth"]
    assert pasted(SWITCHED)[-3:] == last
    assert pasted(SWITCHED, OPENED, WRITTEN)[-3:] == last


def test_the_rebuild_of_a_mere_alternative_stands_with_it() -> None:
    assert pasted(WRITTEN, [Remedy("Look", commands=("ls",)), *WRITTEN[:1], OPENED[1]]) == [
        "## Write the file",
        "# run: sudo install /dev/null /a.env",
        "# run: sudoedit /a.env",
        "## Or make it optional, in configuration.nix",
        '# a.EnvironmentFile = [ "-/a.env" ];',
        THEN,
        "## Look",
        "# run: ls",
        "## Or serve this machine alone, in configuration.nix",
        f"# {HOST}",
        THEN,
    ]


def test_a_title_of_two_lines_is_one() -> None:
    title = "Or make it optional: " + "a word " * 10
    said = pasted([*OPENED[:1], by_rebuild(title, HOST)])
    assert said[2].startswith("## Or")
    assert said[3].startswith("##   word a word")
    assert all(len(line) <= 80 for line in said)
    assert pasted(OPENED, [by_rebuild(title, HOST)]) == pasted(OPENED)


def test_alike_titles_of_different_files_both_stay() -> None:
    other = [Remedy("Write the file", commands=("sudoedit /b.env",))]
    said = pasted([*WRITTEN, *other])
    assert said[said.index("# run: sudoedit /b.env") - 1] == "## Write the file"
