"""Plans as unified diffs: patch(1) takes them, and no secret is in them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabbydoctor.repair.changes import FileChange
from tabbydoctor.repair.states import FileState
from tests.repair.trees import plan

KEY = "0123456789abcdef0123456789abcdef"


def _change(before: bytes | None, after: bytes | None, path: str = "/etc/f") -> FileChange:
    states = [None if content is None else FileState(content) for content in (before, after)]
    return FileChange(path, *states)


def test_an_edit() -> None:
    lines = _change(b"a: 1\r\nb: 2\r\n", b"a: 1\r\nb: 3").diff().split("\n")
    assert lines == [
        "diff /etc/f",
        "--- /etc/f",
        "+++ /etc/f",
        "@@ -1,2 +1,2 @@",
        " a: 1\r",
        "-b: 2\r",
        "+b: 3",
        "\\ No newline at end of file",
        "",
    ]


def test_creation_and_removal_tell_mode_and_owner() -> None:
    state = FileState(b"x\n", 0o640, 7, 8)
    created = FileChange("/etc/f", None, state)
    assert created.kind == "create"
    assert created.diff().startswith(
        "diff /etc/f\nnew file mode 0640\nnew file owner 7:8\n--- /dev/null\n+++ /etc/f\n"
    )
    removed = FileChange("/etc/f", state, None)
    assert removed.kind == "remove"
    assert removed.diff().endswith("--- /etc/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n")


def test_permissions() -> None:
    before = FileState(b"x", 0o644, 0, 0, {"system.posix_acl_access": b"1"})
    change = FileChange("/etc/f", before, FileState(b"x", 0o600, 7, 8, {"user.y": b""}))
    assert change.kind == "permissions"
    assert change.diff() == (
        "diff /etc/f\nold mode 0644\nnew mode 0600\nold owner 0:0\nnew owner 7:8\n"
        "attribute system.posix_acl_access removed\nattribute user.y added\n"
    )


def test_no_secret_is_shown() -> None:
    planned = plan(
        _change(f"api_key: {KEY}\n".encode(), b'api_key: "sk-abcdefghijklmnopqrstuv"\n'),
        _change(None, f"TABBY_API_KEY={KEY}\n".encode(), "/etc/env"),
    )
    text = planned.diff()
    assert KEY not in text
    assert "sk-abc" not in text
    assert text.count("[redacted]") == 3


def test_long_and_binary_files_are_summarised() -> None:
    long = b"line\n" * 300_000
    assert "content too long to show" in _change(long, long + b"x").diff()
    assert "binary content: 2 bytes become 1" in _change(b"\0\1", b"x").diff()
    assert _change(b"x", b"x").diff() == ""


LINES = st.lists(st.sampled_from(["a", "b", "c\r", "", "é"]), max_size=8)


@pytest.mark.skipif(shutil.which("patch") is None, reason="patch is not installed")
@given(LINES, LINES, st.booleans(), st.booleans())
def test_patch_takes_it(
    tmp_path_factory: pytest.TempPathFactory,
    old: list[str],
    new: list[str],
    old_ends: bool,
    new_ends: bool,
) -> None:
    before = ("\n".join(old) + ("\n" if old_ends else "")).encode()
    after = ("\n".join(new) + ("\n" if new_ends else "")).encode()
    file: Path = tmp_path_factory.getbasetemp() / "patched"
    file.write_bytes(before)
    diff = _change(before, after).diff()
    done = subprocess.run(
        ["patch", "--binary", "--quiet", "--posix", str(file)],
        input=diff.encode(),
        capture_output=True,
    )
    assert not diff or done.returncode == 0, done
    assert (file.read_bytes() if file.exists() else b"") == after
