"""What looks like a secret, or goes by the name of one, goes; what does not stays."""

from __future__ import annotations

import pytest

from tabbydoctor.redaction import MARK, redact, redact_file
from tabbydoctor.repair.changes import FileChange
from tabbydoctor.repair.states import FileState
from tests.redaction import innocents, planted


def shown(path: str, text: str) -> str:
    return redact(text) if path == planted.LOG else redact_file(text, path)


def test_there_are_enough() -> None:
    assert len(planted.cases()) >= 96
    assert len(innocents.CASES) >= 200


@pytest.mark.parametrize(("path", "way"), planted.cases())
def test_a_planted_secret_goes(path: str, way: str) -> None:
    for secret in planted.secrets():
        text = planted.written(way, secret)
        hidden = shown(path, text)
        assert secret not in hidden
        assert MARK in hidden
        assert hidden.count("\n") == text.count("\n")
        assert shown(path, hidden) == hidden


@pytest.mark.parametrize(
    ("path", "way"), [case for case in planted.cases() if case[0] != planted.LOG]
)
def test_a_diff_shows_that_it_changes_and_not_to_what(path: str, way: str) -> None:
    one, two, _ = planted.secrets()
    around = "# unchanged\n" * 9
    before = f"{around}{planted.written(way, one)}{around}"
    after = f"{around}{planted.written(way, two)}{around}"
    change = FileChange(path, FileState(before.encode()), FileState(after.encode()))
    diff = change.diff()
    assert one not in diff
    assert two not in diff
    lines = diff.splitlines()
    changed = [line for line in lines if line.startswith(("-", "+")) and MARK in line]
    assert {line[0] for line in changed} == {"-", "+"}


def test_a_diff_hides_what_stands_far_from_its_name() -> None:
    secrets = planted.secrets(40)
    lines = [f"  - {secret}\n" for secret in secrets]
    before = FileState(("api_keys:\n" + "".join(lines)).encode())
    after = FileState(("api_keys:\n" + "".join(lines[:-1])).encode())
    diff = FileChange("/etc/x.yml", before, after).diff()
    assert not any(secret in diff for secret in secrets)
    assert f"-  - {MARK}" in diff


@pytest.mark.parametrize(("path", "text"), innocents.CASES)
def test_an_innocent_stays(path: str, text: str) -> None:
    assert shown(path, f"{text}\n") == f"{text}\n"


def test_a_path_is_hidden_for_neither_name_nor_shape() -> None:
    path = "/srv/api_key=abc123def456/sk-abcdefghijklmnopqrstuv/token: x1y2z3a4b5"
    change = FileChange(path, None, FileState(b"a: 1\n"))
    assert path in change.diff()
