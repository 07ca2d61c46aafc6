"""api_tokens.yml is read as TabbyAPI reads it, whatever stands at its path."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tabbydoctor import redaction
from tabbydoctor.host.local import LocalHost
from tabbydoctor.tabbyapi.tokens_document import parse
from tabbydoctor.tabbyapi.tokens_reading import LIMIT, read_tokens
from tabbydoctor.yaml.quick import quick_mapping

PAIR = "api_key: first-secret-key\nadmin_key: second-secret-key\n"


def test_a_pair_of_keys(tmp_path: Path) -> None:
    redaction.forget_all()
    file = tmp_path / "api_tokens.yml"
    file.write_text(f"\ufeff{PAIR}extra: 1\n")
    found = read_tokens(LocalHost(), str(file))
    assert (found.problem, found.api_keys, found.admin_key, found.is_list) == (
        None,
        ("first-secret-key",),
        "second-secret-key",
        False,
    )
    assert "secret" not in repr(found)
    assert redaction.redact("a first-secret-key b") == f"a {redaction.MARK} b"


def test_a_list_where_the_version_knows_none(tmp_path: Path) -> None:
    file = tmp_path / "api_tokens.yml"
    file.write_text("api_key: [one, two]\nadmin_key: three\n")
    assert read_tokens(LocalHost(), str(file)).is_list
    found = read_tokens(LocalHost(), str(file), key_lists=False)
    assert (found.problem, found.line) == ("invalid", 1)
    assert "single key" in found.detail


def test_what_stands_there_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "api_tokens.yml"
    assert read_tokens(LocalHost(), str(path)).problem == "missing"
    os.mkfifo(path)
    assert read_tokens(LocalHost(), str(path)).problem == "invalid"
    path.unlink()
    path.symlink_to(path.name)
    assert read_tokens(LocalHost(), str(path)).problem == "unreadable"
    path.unlink()
    path.symlink_to("nowhere")
    assert read_tokens(LocalHost(), str(path)).problem == "missing"
    path.unlink()
    path.write_bytes(os.urandom(4096) + b"\xff")
    assert read_tokens(LocalHost(), str(path)).problem == "unparseable"
    with path.open("wb") as file:
        file.truncate(50 << 20)
    found = read_tokens(LocalHost(), str(path))
    assert found.problem == "unreadable"
    assert str(LIMIT) in found.detail


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        "- " * 50_000,
        "a: &a [x,x,x,x,x,x,x,x]\n"
        + "".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 8)}]\n" for n in range(1, 9)),
        "api_key: &a [*a]\nadmin_key: *a\n",
        "? [a, b]\n: c\n",
        "%YAML 3.0\n---\napi_key: a\n",
        "!!python/object/apply:os.system ['true']",
    ],
)
def test_hostile_documents_are_told_not_raised(text: str) -> None:
    assert parse(text.encode()).problem in ("unparseable", "invalid")


@pytest.mark.parametrize(
    "text",
    [
        'api_key: "very-secret-key\nadmin_key: other-secret-key\n',
        "api_key: *very-secret-key\nadmin_key: other-secret-key\n",
        "api_key: very-secret-key\n api_key: other-secret-key\n",
        "api_key: {very-secret-key: other-secret-key}\n",
        "very-secret-key\n",
    ],
)
def test_a_problem_never_tells_a_key(text: str) -> None:
    found = parse(text.encode())
    assert found.problem
    assert "secret" not in found.detail
    assert "secret" not in repr(found)


def test_names_of_keys_are_no_secrets() -> None:
    found = parse(b"api_key: [a\nadmin_key: # a comment of words\n")
    assert not {"api_key", "admin_key", "comment"} & set(found.secrets)


def test_ten_thousand_keys() -> None:
    keys = [f"key-number-{number}" for number in range(10_000)]
    text = "api_key:\n" + "".join(f"- {key}\n" for key in keys) + "admin_key: the-admin\n"
    assert parse(text.encode()).api_keys == tuple(keys)
    assert quick_mapping(text) is not None
    found = parse(text.replace("key-number-5000\n", "5000\n").encode())
    assert (found.problem, found.line) == ("invalid", 5002)
