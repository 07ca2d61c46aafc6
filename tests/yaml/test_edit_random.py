"""Edits of random configurations: what a reader gets, and which lines are touched."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tabbydoctor.yaml.data import holds, same, value_at, with_value, without
from tabbydoctor.yaml.edit import (
    CannotEdit,
    append_item,
    move_key,
    remove_key,
    rename_key,
    set_value,
)
from tabbydoctor.yaml.nodes import KeyPath
from tests.yaml.configs import KEYS, configs

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_NO_QUOTES = str.maketrans("", "", "'\"")
# Not every generated file has what a property is about (a list, say): those are passed over.
_PATIENT = [HealthCheck.too_slow, HealthCheck.filter_too_much]
_SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=_PATIENT)

values = st.one_of(
    st.booleans(),
    st.integers(-10, 10**6),
    st.none(),
    st.sampled_from(["word", "yes", "12e3456789", "a: b", "x # y", "é", "", "127.0.0.1", "a\nb"]),
    st.floats(allow_nan=False),
    st.text(max_size=5).filter(lambda text: text.isprintable()),
    st.lists(st.sampled_from(["x", 1, True, "no"]), max_size=3),
)


def read(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def parsed(text: str) -> Any:
    """What TabbyAPI reads; a document it cannot read is not this test's matter."""
    try:
        return read(text)
    except Exception:  # noqa: BLE001 - any of ruamel's
        assume(False)


def lines_of(text: str) -> list[str]:
    """Lines without their ends and the BOM: whether these stay is asked elsewhere."""
    return [line.rstrip("\r\n") for line in _LINE.findall(text.removeprefix("\ufeff"))]


def paths(data: Any) -> Iterator[KeyPath]:
    """Every path in a document."""
    entries: Any = ()
    if isinstance(data, dict):
        entries = ((key, item) for key, item in data.items() if isinstance(key, str))
    elif isinstance(data, list):
        entries = enumerate(data)
    for step, item in entries:
        yield (step,)
        yield from ((step, *rest) for rest in paths(item))


def changed(before: str, after: str) -> tuple[list[str], list[str]]:
    """The lines that went and those that came, in the one stretch in which the texts differ."""
    old, new = lines_of(before), lines_of(after)
    while old and new and old[0] == new[0]:
        del old[0], new[0]
    while old and new and old[-1] == new[-1]:
        del old[-1], new[-1]
    return old, new


def new_lines(before: str, after: str) -> int:
    """How many lines were not there before."""
    return (Counter(lines_of(after)) - Counter(lines_of(before))).total()


def edited(text: str, path: KeyPath, value: Any) -> str:
    try:
        return set_value(text.encode(), path, value).decode()
    except CannotEdit as refusal:
        note(f"{refusal.message} (line {refusal.line})")
        assume(False)
        raise


@_SETTINGS
@given(text=configs(), choice=st.randoms(use_true_random=False), value=values)
def test_setting_what_is_there(text: str, choice: Any, value: Any) -> None:
    data = parsed(text)
    there = list(paths(data))
    assume(there)
    path = choice.choice(there)
    after = edited(text, path, value)
    assert same(read(after), with_value(data, path, value))
    assert set_value(after.encode(), path, value).decode() == after
    old = value_at(data, path)
    if same(old, value):
        assert after == text
    elif not isinstance(old, list | dict) or not isinstance(value, list):
        assert new_lines(text, after) <= 1
        gone, came = changed(text, after)
        if not isinstance(old, list | dict) and not _several_lines(old):
            assert len(gone) == len(came) == 1


def _several_lines(value: Any) -> bool:
    """Whether the generator may have written the scalar over several lines."""
    signs = ("folded", "two\nlines", "text", "# no comment", "a: 1", "- x")
    return isinstance(value, str) and value.startswith(signs)


@_SETTINGS
@given(text=configs(), choice=st.randoms(use_true_random=False), value=values)
def test_a_new_key_is_a_new_line_and_can_be_taken_back(text: str, choice: Any, value: Any) -> None:
    data = parsed(text)
    sections = [path for path in paths(data) if isinstance(value_at(data, path), dict | None)]
    section = choice.choice([(), *sections])
    assume(isinstance(value_at(data, section), dict | None))
    path = (*section, "new_key")
    after = edited(text, path, value)
    assert same(read(after), with_value(data, path, value))
    assert set_value(after.encode(), path, value).decode() == after
    gone, came = changed(text, after)
    assert (len(gone), len(came)) in {(0, 1), (1, 1)}
    if gone:  # flow style, or a null in words: the line it stands on
        assert re.search(r"[{,~]|null|-", gone[0] + "".join(came))
    taken_back = remove_key(after.encode(), path).decode()
    if isinstance(value_at(data, section), dict) or not gone:
        assert taken_back == text


@_SETTINGS
@given(text=configs(), value=values)
def test_a_new_section_is_two_lines_at_the_end(text: str, value: Any) -> None:
    data = parsed(text)
    after = edited(text, ("new_section", "key"), value)
    assert same(read(after), with_value(data, ("new_section", "key"), value))
    gone, came = changed(text, after)
    assert (len(gone), len(came)) in {(0, 2), (0, 1), (1, 1)}
    assert remove_key(after.encode(), ("new_section", "key"), prune=True).decode() == text
    if len(came) == 1:
        assert "{" in came[0]


@_SETTINGS
@given(text=configs(), choice=st.randoms(use_true_random=False))
def test_removing(text: str, choice: Any) -> None:
    data = parsed(text)
    there = [path for path in paths(data) if isinstance(path[-1], str)]
    assume(there)
    path = choice.choice(there)
    try:
        after = remove_key(text.encode(), path).decode()
    except CannotEdit:
        assume(False)
    new = read(after)
    emptied: tuple[Any, ...] = (None, {}, [])
    assert any(same(new, without(data, path, rest)) for rest in emptied)
    assert remove_key(after.encode(), path).decode() == after
    gone, came = changed(text, after)
    assert len(came) <= 1
    assert len(gone) >= 1


@_SETTINGS
@given(text=configs(), choice=st.randoms(use_true_random=False), name=st.sampled_from(KEYS))
def test_renaming_changes_one_line(text: str, choice: Any, name: str) -> None:
    data = parsed(text)
    there = [path for path in paths(data) if isinstance(path[-1], str)]
    assume(there)
    path = choice.choice(there)
    assume(not holds(data, (*path[:-1], name)))
    try:
        after = rename_key(text.encode(), path, name).decode()
    except CannotEdit:
        assume(False)
    old, new = value_at(data, path[:-1]), value_at(read(after), path[:-1])
    assert list(new) == [name if key == path[-1] else key for key in old]
    gone, came = changed(text, after)
    assert len(gone) == len(came) == 1
    try:
        back = rename_key(after.encode(), (*path[:-1], name), path[-1]).decode()
    except CannotEdit:  # a last `key:}` is `key:` to ruamel.yaml, `key` to PyYAML
        assert re.search(r":[,}\]]", text)
        return
    assert back.translate(_NO_QUOTES) == text.translate(_NO_QUOTES)


@_SETTINGS
@given(text=configs(), choice=st.randoms(use_true_random=False))
def test_moving(text: str, choice: Any) -> None:
    data = parsed(text)
    there = [path for path in paths(data) if isinstance(path[-1], str)]
    assume(there)
    path = choice.choice(there)
    new_path = choice.choice([("moved_key",), ("network", "moved_key"), ("moved", "to", "here")])
    assume(new_path[: len(path)] != path)
    try:
        after = move_key(text.encode(), path, new_path).decode()
    except CannotEdit:
        assume(False)
    assert same(value_at(read(after), new_path), value_at(data, path))
    assert move_key(after.encode(), path, new_path).decode() == after


@_SETTINGS
@given(text=configs(), choice=st.randoms(use_true_random=False))
def test_appending(text: str, choice: Any) -> None:
    data = parsed(text)
    sequences = [path for path in paths(data) if isinstance(value_at(data, path), list)]
    assume(sequences)
    path = choice.choice(sequences)
    try:
        after = append_item(text.encode(), path, "new item").decode()
    except CannotEdit:
        assume(False)
    items = value_at(data, path)
    assert same(read(after), with_value(data, path, [*items, "new item"]))
    gone, came = changed(text, after)
    assert (len(gone), len(came)) in {(0, 1), (1, 1)}
    assert append_item(after.encode(), path, "new item").decode() == after
    if items:
        assert remove_key(after.encode(), (*path, len(items))).decode() == text


@_SETTINGS
@given(text=configs(), path=st.lists(st.sampled_from(KEYS), min_size=1, max_size=3), value=values)
def test_an_edit_is_right_or_refused(text: str, path: list[str], value: Any) -> None:
    """Whatever the file, nothing but CannotEdit is raised, and the last newline stays as it is."""
    try:
        after = set_value(text.encode(), tuple(path), value).decode()
    except CannotEdit:
        return
    assert value_at(read(after), tuple(path)) == value or value != value
    assert after.startswith("\ufeff") == text.startswith("\ufeff")
    data = read(text)
    replaced = value_at(data, tuple(path)) if holds(data, tuple(path)) else None
    # Where a whole block goes, an empty line above may become the last one.
    if text.strip("\ufeff") and not isinstance(replaced, dict | list):
        assert after.endswith(("\n", "\r")) == text.endswith(("\n", "\r"))
