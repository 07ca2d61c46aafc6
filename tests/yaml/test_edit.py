"""Edits of YAML by hand-written cases: the exact text before and after."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from tabbydoctor.yaml.edit import (
    CannotEdit,
    append_item,
    move_key,
    remove_key,
    rename_key,
    set_value,
)

AUTH = ("network", "disable_auth")

SAMPLE = """\
# Sample YAML file for configuration.
# Comment and uncomment values as needed.

# Options for networking
network:
  # The IP to host on (default: 127.0.0.1).
  host: 127.0.0.1

  # The port to host on (default: 5000).
  port: 5000

# Options for logging
logging:
  # Enable prompt logging (default: False).
  log_prompt: false

# Options for model overrides and loading
model:
  # Directory to look for models (default: models).
  model_dir: models

  # An initial model to load.
  model_name:

  # Names of models (default: []).
  dummy_model_names: ["gpt-3.5-turbo"]
"""


class Set(NamedTuple):
    before: str
    path: tuple[str | int, ...]
    value: Any
    after: str


SETS = {
    "replaces a scalar": Set("a: 1\nb: 2\n", ("a",), 3, "a: 3\nb: 2\n"),
    "keeps the comment of the line": Set("a: 1  # why\n", ("a",), True, "a: true  # why\n"),
    "keeps what else is odd": Set(
        "'a' :   1 #\tx \nb : [ 1,2 ]  \n", ("a",), 2, "'a' :   2 #\tx \nb : [ 1,2 ]  \n"
    ),
    "value with a hash": Set("a: 'x # y' # z\n", ("a",), "b", "a: b # z\n"),
    "new value with a hash": Set("a: b # z\n", ("a",), "x # y", 'a: "x # y" # z\n'),
    "string that looks like a float": Set("a: b\n", ("a",), "12e3456789", 'a: "12e3456789"\n'),
    "key at a section's end": Set(
        "network:\n  host: x\n\n# next\nmodel:\n  a: 1\n",
        AUTH,
        True,
        "network:\n  host: x\n  disable_auth: true\n\n# next\nmodel:\n  a: 1\n",
    ),
    "below the section's own last comment": Set(
        "network:\n    host: x\n    # port: 5000\n# next\nmodel:\n",
        AUTH,
        True,
        "network:\n    host: x\n    # port: 5000\n    disable_auth: true\n# next\nmodel:\n",
    ),
    "indented by one": Set(
        "network:\n host: x\nb:\n", AUTH, True, "network:\n host: x\n disable_auth: true\nb:\n"
    ),
    "new section": Set("a: 1\n", AUTH, True, "a: 1\nnetwork:\n  disable_auth: true\n"),
    "new section, indented as the rest": Set(
        "a:\n    b: 1\n", AUTH, True, "a:\n    b: 1\nnetwork:\n    disable_auth: true\n"
    ),
    "new section without a final newline": Set(
        "a: 1", AUTH, True, "a: 1\nnetwork:\n  disable_auth: true"
    ),
    "new section before the end marker": Set(
        "---\na: 1\n# c\n...\n# d\n",
        AUTH,
        True,
        "---\na: 1\n# c\nnetwork:\n  disable_auth: true\n...\n# d\n",
    ),
    "new section after blank lines": Set("a: 1\n\n\n", ("b",), 2, "a: 1\n\n\nb: 2\n"),
    "new section, all indented": Set(" a: 1\n b: 2\n", ("c",), 3, " a: 1\n b: 2\n c: 3\n"),
    "key without a final newline": Set(
        "network:\n  host: x", AUTH, True, "network:\n  host: x\n  disable_auth: true"
    ),
    "CRLF": Set("a: 1\r\nb: 2\r\n", ("c",), 3, "a: 1\r\nb: 2\r\nc: 3\r\n"),
    "CRLF in a section": Set(
        "network:\r\n  host: x\r\nb: 1\r\n",
        AUTH,
        True,
        "network:\r\n  host: x\r\n  disable_auth: true\r\nb: 1\r\n",
    ),
    "mixed line ends": Set(
        "network:\n  host: x\r\nb: 1\n",
        AUTH,
        True,
        "network:\n  host: x\r\n  disable_auth: true\r\nb: 1\n",
    ),
    "byte order mark": Set("\ufeffa: 1\n", ("a",), 2, "\ufeffa: 2\n"),
    "byte order mark, new key": Set("\ufeffa: 1\n", ("b",), 2, "\ufeffa: 1\nb: 2\n"),
    "empty file": Set("", AUTH, True, "network:\n  disable_auth: true\n"),
    "byte order mark alone": Set("\ufeff", ("a",), 1, "\ufeffa: 1\n"),
    "comments alone": Set("# c\n\n", AUTH, True, "# c\n\nnetwork:\n  disable_auth: true\n"),
    "comment without newline": Set("# c", ("a",), 1, "# c\na: 1"),
    "start marker alone": Set("---\n", ("a",), 1, "---\na: 1\n"),
    "directive": Set("%YAML 1.2\n---\na: 1\n", ("a",), 2, "%YAML 1.2\n---\na: 2\n"),
    "unicode around": Set("é: 😀 # ü\nb: 'ß'\n", ("b",), 2, "é: 😀 # ü\nb: 2\n"),
    "empty section": Set(
        "network:\n\nb: 1\n", AUTH, True, "network:\n  disable_auth: true\n\nb: 1\n"
    ),
    "empty section with comments": Set(
        "network: # net\n  # host: x\n\nb: 1\n",
        AUTH,
        True,
        "network: # net\n  # host: x\n  disable_auth: true\n\nb: 1\n",
    ),
    "empty section at the end": Set("network:", AUTH, True, "network:\n  disable_auth: true"),
    "empty section, quoted": Set('"network":\n', AUTH, True, '"network":\n  disable_auth: true\n'),
    "tilde section": Set("network: ~ # net\n", AUTH, True, "network: {disable_auth: true} # net\n"),
    "null section": Set("network: null\n", AUTH, True, "network: {disable_auth: true}\n"),
    "braces": Set("network: {}\n", AUTH, True, "network: {disable_auth: true}\n"),
    "flow section": Set(
        "network: {host: 0.0.0.0} # x\n",
        AUTH,
        True,
        "network: {host: 0.0.0.0, disable_auth: true} # x\n",
    ),
    "flow section, comma": Set(
        "network: {host: x,}\n", AUTH, True, "network: {host: x, disable_auth: true,}\n"
    ),
    "flow section of lines": Set(
        "network: {\n  host: x  # h\n}\n",
        AUTH,
        True,
        "network: {\n  host: x, disable_auth: true  # h\n}\n",
    ),
    "flow section of lines with commas": Set(
        "network: {\n  host: x,  # h\n}\n",
        AUTH,
        True,
        "network: {\n  host: x,  # h\n  disable_auth: true,\n}\n",
    ),
    "flow document": Set("{a: 1}\n", AUTH, True, "{a: 1, network: {disable_auth: true}}\n"),
    "flow key without value": Set("{a, b}\n", ("a",), 1, "{a: 1, b}\n"),
    "flow value": Set("{a: 1, b: [x, y]}\n", ("b", 0), "z", "{a: 1, b: [z, y]}\n"),
    "empty value": Set("a:\nb: 1\n", ("a",), True, "a: true\nb: 1\n"),
    "empty value with a comment": Set("a:   # x\nb: 1\n", ("a",), 1, "a: 1   # x\nb: 1\n"),
    "block scalar": Set(
        "a: |- # x\n  b\n\n  c\n\n# y\nd: 1\n", ("a",), "e", "a: e # x\n\n# y\nd: 1\n"
    ),
    "block scalar with indicator": Set("a: >2\n    b\nc: 1\n", ("a",), 1, "a: 1\nc: 1\n"),
    "after a block scalar": Set(
        "s:\n  a: |\n    # no comment\n\nb: 1\n",
        ("s", "k"),
        1,
        "s:\n  a: |\n    # no comment\n  k: 1\n\nb: 1\n",
    ),
    "after a kept block scalar": Set(
        "s:\n  a: |+\n    x\n\nb: 1\n", ("s", "k"), 1, "s:\n  a: |+\n    x\n\n  k: 1\nb: 1\n"
    ),
    "folded plain scalar": Set("a: b\n  c\n  d # e\nf: 1\n", ("a",), 1, "a: 1 # e\nf: 1\n"),
    "block mapping by a scalar": Set(
        "a: # x\n  b: 1\n  # in it\n  c: 2 # y\n# z\nd: 3\n",
        ("a",),
        None,
        "a: null # x\n# z\nd: 3\n",
    ),
    "block list by an empty one": Set("a:\n- 1\n- 2\nb: 1\n", ("a",), [], "a: []\nb: 1\n"),
    "block list, item by item": Set(
        "a:\n- 'x' # 1\n- y # 2\n- z\nb: 1\n", ("a",), ["x", "w"], "a:\n- 'x' # 1\n- w # 2\nb: 1\n"
    ),
    "flow list, more items": Set("a: ['x'] # 1\n", ("a",), ["x", "z"], "a: ['x', z] # 1\n"),
    "in a list": Set(
        "model_list:\n  - model_name: m\n    litellm_params:\n      model: x\n  - model_name: n\n",
        ("model_list", 0, "litellm_params", "api_key"),
        "os.environ/TABBY_API_KEY",
        "model_list:\n  - model_name: m\n    litellm_params:\n      model: x\n"
        "      api_key: os.environ/TABBY_API_KEY\n  - model_name: n\n",
    ),
    "in a list without indentation": Set(
        "l:\n- a: 1\n- a: 2\nm: 1\n", ("l", 1, "b"), 3, "l:\n- a: 1\n- a: 2\n  b: 3\nm: 1\n"
    ),
    "in an empty item": Set("l:\n-\n- 2\n", ("l", 0, "b"), 3, "l:\n- {b: 3}\n- 2\n"),
    "alias replaced": Set("a: &x 1\nb: *x\n", ("b",), 2, "a: &x 1\nb: 2\n"),
    "anchor nobody uses": Set("a: &x 1 # c\n", ("a",), 2, "a: &x 2 # c\n"),
    "anchored elsewhere": Set(
        "a: &x {b: 1}\nc: *x\nd:\n  e: 1\n", ("d", "e"), 2, "a: &x {b: 1}\nc: *x\nd:\n  e: 2\n"
    ),
    "a tag goes with its value": Set("a: !!str 1\n", ("a",), 1, "a: 1\n"),
    "own key beside a merge": Set(
        "a: &x {b: 1}\nc:\n  <<: *x\n  d: 1\n",
        ("c", "b"),
        2,
        "a: &x {b: 1}\nc:\n  <<: *x\n  d: 1\n  b: 2\n",
    ),
    "deep and new": Set("a: 1\n", ("b", "c", "d"), 1, "a: 1\nb:\n  c:\n    d: 1\n"),
    "a word that only 1.1 reads": Set("a: yes\n", ("a",), True, "a: true\n"),
    "octal to 1.1": Set("port: 05000\n", ("port",), 5001, "port: 5001\n"),
    "the sample": Set(
        SAMPLE, AUTH, True, SAMPLE.replace("port: 5000\n", "port: 5000\n  disable_auth: true\n")
    ),
    "the sample's last section": Set(
        SAMPLE, ("model", "vision"), False, SAMPLE + "  vision: false\n"
    ),
    "the sample's empty key": Set(
        SAMPLE,
        ("model", "model_name"),
        "Qwen 3",
        SAMPLE.replace("model_name:\n", "model_name: Qwen 3\n"),
    ),
}


@pytest.mark.parametrize("case", SETS.values(), ids=SETS)
def test_set(case: Set) -> None:
    after = set_value(case.before.encode(), case.path, case.value)
    assert after.decode() == case.after
    assert set_value(after, case.path, case.value) == after


SAME: list[tuple[str, tuple[str | int, ...], Any]] = [
    ("a: 0x10\n", ("a",), 16),
    ("a: True\n", ("a",), True),
    ("a: 'b' # c", ("a",), "b"),
    ("a: ~\n", ("a",), None),
    ("a:\n- 1\n- 'x'\n", ("a",), [1, "x"]),
    ("a: &x 1\nb: *x\n", ("b",), 1),
    ("a: .nan\n", ("a",), float("nan")),
]


@pytest.mark.parametrize(("text", "path", "value"), SAME)
def test_a_value_that_is_there_already_changes_nothing(
    text: str, path: tuple[str | int, ...], value: Any
) -> None:
    assert set_value(text.encode(), path, value) == text.encode()


REFUSED: dict[str, tuple[bytes, tuple[str | int, ...], Any, int | None]] = {
    "does not parse": (b"a: [1\n", ("a",), 1, None),
    "tab as indentation": (b"a:\n\tb: 1\n", ("a", "b"), 2, 2),
    "several documents": (b"a: 1\n---\nb: 1\n", ("a",), 2, 2),
    "duplicate keys": (b"a: 1\na: 2\n", ("a",), 3, 2),
    "not UTF-8": (b"a: 1\nb: \xff\n", ("a",), 2, 2),
    "alias bomb": (
        b"a: &a [1,1,1,1,1,1,1,1,1]\n"
        + b"".join(
            b"%c: &%c [%s]\n" % (n, n, b",".join([b"*%c" % (n - 1)] * 9))
            for n in range(ord("b"), ord("i"))
        ),
        ("z",),
        1,
        None,
    ),
    "section is an alias": (b"a: &x {b: 1}\nc: *x\n", ("c", "b"), 2, 2),
    "section comes from a merge": (
        b"base: &x\n  network: {a: 1}\n<<: *x\n",
        ("network", "b"),
        1,
        None,
    ),
    "anchored and shared section": (b"a: &x\n  b: 1\nc: *x\n", ("a", "d"), 2, 1),
    "anchored and shared value": (b"a: &x 1\nb: *x\n", ("a",), 2, 1),
    "anchored and shared empty section": (b"a: &x\nb: *x\n", ("a", "c"), 2, 1),
    "path through a scalar": (b"x: 1\na: b\n", ("a", "c"), 1, 2),
    "path through a list": (b"a:\n- b\n", ("a", "c"), 1, 1),
    "item that is not there": (b"a:\n- b\n", ("a", 1), 1, 1),
    "document is a list": (b"- a\n", ("a",), 1, 1),
    "document is a scalar": (b"hello\n", ("a",), 1, 1),
    "document is a null in words": (b"~\n", ("a",), 1, 1),
    "tag of another language": (b"a: !foo 1\nb: 1\n", ("b",), 2, None),
    "block scalar that a newline would change": (b"a: |\n  x", ("b",), 1, None),
    "key that is no string": (b"1: a\n", ("1",), "b", 1),
    "value that is no text": (b"a: 1\n", ("a",), "\ud800", None),
    "empty path": (b"a: 1\n", (), 1, None),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_set_refuses(case: tuple[bytes, tuple[str | int, ...], Any, int | None]) -> None:
    content, path, value, line = case
    with pytest.raises(CannotEdit) as refusal:
        set_value(content, path, value)
    if line is not None:
        assert refusal.value.line == line


def test_a_refusal_names_no_value() -> None:
    for content in (b"api_key: [hunter2\n", b"api_key: !!int hunter2\n", b'api_key: "hunter2\n'):
        with pytest.raises(CannotEdit) as refusal:
            set_value(content, ("b",), 1)
        assert "hunter2" not in refusal.value.message + repr(refusal.value)


STRINGS = {
    "word": "word",
    "127.0.0.1": "127.0.0.1",
    "http://127.0.0.1:5000/v1": "http://127.0.0.1:5000/v1",
    "two words": "two words",
    "": '""',
    "true": '"true"',
    "yes": '"yes"',
    "n": '"n"',
    "null": '"null"',
    "05": '"05"',
    "0o17": '"0o17"',
    "1_000": '"1_000"',
    "1:30": '"1:30"',
    "12e34": '"12e34"',
    "2024-01-01": '"2024-01-01"',
    ".inf": '".inf"',
    "a: b": '"a: b"',
    "a:": '"a:"',
    "a #b": '"a #b"',
    "*a": '"*a"',
    " a": '" a"',
    "a\nb": '"a\\nb"',
    'a"\\': '"a\\"\\\\"',
    "é\x85\ufeff\x07": '"é\\u0085\\ufeff\\u0007"',
    "<<": '"<<"',
    "=": '"="',
    "a,b": '"a,b"',
    "---": '"---"',
}


@pytest.mark.parametrize(("value", "written"), STRINGS.items())
def test_strings_are_plain_only_where_every_reader_agrees(value: str, written: str) -> None:
    assert set_value(b"a: 0\n", ("a",), value).decode() == f"a: {written}\n"
    assert set_value(b"a: [0]\n", ("a", 0), value).decode() == f"a: [{written}]\n"


@pytest.mark.parametrize(
    ("value", "written"),
    [(1e300, "1.0e+300"), (1e-7, "1.0e-07"), (0.5, "0.5"), (float("inf"), ".inf"), (-3, "-3")],
)
def test_numbers(value: float, written: str) -> None:
    assert set_value(b"a: x\n", ("a",), value).decode() == f"a: {written}\n"


class Remove(NamedTuple):
    before: str
    path: tuple[str | int, ...]
    after: str
    prune: bool = False


REMOVES = {
    "a key": Remove("a: 1\nb: 2 # c\nd: 3\n", ("b",), "a: 1\nd: 3\n"),
    "keeps the comment before": Remove("# x\na: 1\n\n# y\nb: 1\n", ("a",), "# x\n\n# y\nb: 1\n"),
    "takes the comment under it": Remove(
        "s:\n  a: 1\n    # about a\n  # about s\n  b: 1\n", ("s", "a"), "s:\n  # about s\n  b: 1\n"
    ),
    "a section": Remove("a:\n  b: 1\n  # c\n\n# d\ne: 1\n", ("a",), "\n# d\ne: 1\n"),
    "the last of a section": Remove("a:\n  b: 1\nc: 1\n", ("a", "b"), "a:\nc: 1\n"),
    "the last of a section, pruned": Remove("a:\n  b: 1\nc: 1\n", ("a", "b"), "c: 1\n", True),
    "one of several, pruned": Remove("a:\n  b: 1\n  c: 1\n", ("a", "b"), "a:\n  c: 1\n", True),
    "without a final newline": Remove("a: 1\nb: 2", ("b",), "a: 1"),
    "the only key": Remove("# x\na: 1\n", ("a",), "# x\n"),
    "a block scalar": Remove("a: |\n  x\n\n  y\nb: 1\n", ("a",), "b: 1\n"),
    "a list": Remove("a:\n- 1\n- 2\nb: 1\n", ("a",), "b: 1\n"),
    "an item": Remove("a:\n- 1\n- 2 # x\n- 3\n", ("a", 1), "a:\n- 1\n- 3\n"),
    "flow, first": Remove("{a: 1, b: 2}\n", ("a",), "{b: 2}\n"),
    "flow, last": Remove("{a: 1, b: 2}\n", ("b",), "{a: 1}\n"),
    "flow, middle": Remove("{a: 1, b: 2 , c: 3}\n", ("b",), "{a: 1, c: 3}\n"),
    "flow, only": Remove("s: {a: 1}\n", ("s", "a"), "s: {}\n"),
    "flow, trailing comma": Remove("[a, b,]\n", (1,), "[a,]\n"),
    "flow of lines": Remove("{\n  a: 1, # x\n  b: 2\n}\n", ("b",), "{\n  a: 1, # x\n}\n"),
    "first of an item": Remove("- a: 1 # x\n  b: 2\n", (0, "a"), "- b: 2\n"),
    "only of an item": Remove("l:\n- a: 1\n- b\n", ("l", 0, "a"), "l:\n-\n- b\n"),
    "CRLF": Remove("a: 1\r\nb: 2\r\nc: 3", ("c",), "a: 1\r\nb: 2"),
    "byte order mark": Remove("\ufeffa: 1\nb: 2\n", ("a",), "\ufeffb: 2\n"),
    "not there": Remove("a: 1\n", ("b", "c"), "a: 1\n"),
    "explicit key": Remove("? a\n: 1\nb: 2\n", ("a",), "b: 2\n"),
}


@pytest.mark.parametrize("case", REMOVES.values(), ids=REMOVES)
def test_remove(case: Remove) -> None:
    assert remove_key(case.before.encode(), case.path, prune=case.prune).decode() == case.after


@pytest.mark.parametrize(
    ("before", "path"),
    [
        ("a: &x 1\nb: *x\n", ("a",)),
        ("a: &x {b: 1}\nc: *x\n", ("c", "b")),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", ("c", "b")),
        ("- a: 1\n  # about b\n  b: 2\n", (0, "a")),
    ],
)
def test_remove_refuses(before: str, path: tuple[str | int, ...]) -> None:
    with pytest.raises(CannotEdit):
        remove_key(before.encode(), path)


@pytest.mark.parametrize(
    ("before", "path", "name", "after"),
    [
        ("draft: # x\n  a: 1\n", ("draft",), "draft_model", "draft_model: # x\n  a: 1\n"),
        ('"draft" : 1\n', ("draft",), "b", '"b" : 1\n'),
        ("'draft': 1\n", ("draft",), "b", "'b': 1\n"),
        ("s: {a: 1, c}\n", ("s", "c"), "d", "s: {a: 1, d}\n"),
        ("? a\n: 1\n", ("a",), "b", "? b\n: 1\n"),
        ("a: 1\n", ("a",), "on", '"on": 1\n'),
        ("b: 1\n", ("a",), "b", "b: 1\n"),
    ],
)
def test_rename(before: str, path: tuple[str | int, ...], name: str, after: str) -> None:
    edited = rename_key(before.encode(), path, name)
    assert edited.decode() == after
    assert rename_key(edited, path, name) == edited


def test_rename_refuses_a_name_that_is_taken() -> None:
    with pytest.raises(CannotEdit):
        rename_key(b"a: 1\nb: 2\n", ("a",), "b")


MOVES = {
    "with its comment and quotes": (
        "auth:\n  disable: 'x' # why\n  b: 1\nnetwork:\n  host: x\n",
        ("auth", "disable"),
        AUTH,
        "auth:\n  b: 1\nnetwork:\n  host: x\n  disable_auth: 'x' # why\n",
    ),
    "into a new section": (
        "auth:\n  disable: true\n  b: 1\n",
        ("auth", "disable"),
        AUTH,
        "auth:\n  b: 1\nnetwork:\n  disable_auth: true\n",
    ),
    "a block, indented anew": (
        "model:\n    draft:\n        # dir\n        a: |\n          x\n\n    b: 1\n",
        ("model", "draft"),
        ("draft_model",),
        "model:\n\n    b: 1\ndraft_model:\n    # dir\n    a: |\n      x\n",
    ),
    "into flow": (
        "a: 1 # x\nnetwork: {}\n",
        ("a",),
        ("network", "b"),
        "network: {b: 1}\n",
    ),
    "out of flow": (
        "s: {a: 'x', b: 2}\nt:\n  c: 1\n",
        ("s", "a"),
        ("t", "a"),
        "s: {b: 2}\nt:\n  c: 1\n  a: 'x'\n",
    ),
    "within a section is a new name": ("s:\n  a: 1\n", ("s", "a"), ("s", "b"), "s:\n  b: 1\n"),
}


@pytest.mark.parametrize("case", MOVES.values(), ids=MOVES)
def test_move(case: tuple[str, tuple[str, ...], tuple[str, ...], str]) -> None:
    before, path, new_path, after = case
    edited = move_key(before.encode(), path, new_path)
    assert edited.decode() == after
    assert move_key(edited, path, new_path) == edited


def test_move_prunes_the_section_it_empties() -> None:
    before = b"auth:\n  disable: true\nnetwork:\n  host: x\n"
    after = b"network:\n  host: x\n  disable_auth: true\n"
    assert move_key(before, ("auth", "disable"), AUTH, prune=True) == after


@pytest.mark.parametrize(
    ("before", "path", "new_path"),
    [
        ("a: 1\ns:\n  b: 2\n", ("a",), ("s", "b")),
        ("a:\n  b: 1\n", ("a",), ("a", "b", "c")),
        ("a:\n  b: 1\ns: {}\n", ("a",), ("s", "a")),
    ],
)
def test_move_refuses(before: str, path: tuple[str, ...], new_path: tuple[str, ...]) -> None:
    with pytest.raises(CannotEdit):
        move_key(before.encode(), path, new_path)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a:\n  - x # 1\n\nb: 1\n", "a:\n  - x # 1\n  - new\n\nb: 1\n"),
        ("a:\n- x\n# b's\nb: 1\n", "a:\n- x\n- new\n# b's\nb: 1\n"),
        ("a: [x]\n", "a: [x, new]\n"),
        ("a: []\n", "a: [new]\n"),
        ("a: [\n  x,\n]\n", "a: [\n  x,\n  new,\n]\n"),
        ("a:\n", "a: [new]\n"),
        ("b: 1\n", "b: 1\na: [new]\n"),
        ("a:\n- - x\n- b: 1\n", "a:\n- - x\n- b: 1\n- new\n"),
        ("a:\n-", "a:\n-\n- new"),
        ("a: ['new']\n", "a: ['new']\n"),
    ],
)
def test_append(before: str, after: str) -> None:
    edited = append_item(before.encode(), ("a",), "new")
    assert edited.decode() == after
    assert append_item(edited, ("a",), "new") == edited


@pytest.mark.parametrize(
    "before", ["a: x\n", "a: {}\n", "b: &x [1]\na: *x\n", "a: &x [1]\nb: *x\n"]
)
def test_append_refuses(before: str) -> None:
    with pytest.raises(CannotEdit):
        append_item(before.encode(), ("a",), "new")
