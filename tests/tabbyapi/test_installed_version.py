"""Which TabbyAPI is installed, told from its checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabbydoctor.tabbyapi.installed_version import installed_version
from tests.scratch_host import ScratchHost

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def told(tmp_path: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        path = tmp_path / "opt" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return installed_version(ScratchHost(tmp_path), "/opt")


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({".git/HEAD": f"{COMMIT}\n"}, "0123456"),
        ({".git/HEAD": "ref: refs/heads/main\n", ".git/refs/heads/main": f"{COMMIT}\n"}, "0123456"),
        (
            {
                ".git/HEAD": "ref: refs/heads/main\n",
                ".git/packed-refs": f"# pack-refs\n{COMMIT} refs/heads/main\n^{COMMIT}\n",
            },
            "0123456",
        ),
        ({"pyproject.toml": '[project]\nname = "tabbyAPI"\nversion = "0.0.1"\n'}, "0.0.1"),
        ({".git/HEAD": "ref: ../../../etc/shadow\n"}, ""),
        ({".git/HEAD": "ref: refs/heads/unborn\n", "pyproject.toml": "[project\n"}, ""),
        ({".git": "gitdir: ../.git/modules/tabby\n"}, ""),
        ({}, ""),
    ],
)
def test_the_commit_or_what_it_calls_itself(
    tmp_path: Path, files: dict[str, str], version: str
) -> None:
    assert told(tmp_path, files) == version
