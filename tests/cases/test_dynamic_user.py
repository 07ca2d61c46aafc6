"""DynamicUser= with StateDirectory=: closed from outside, open to the service."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tabbydoctor.demo import standin

from .scene import RUNNING, TOKENS, Scene, refusing, serving

UNIT = """\
[Unit]
Description=TabbyAPI
[Service]
Environment=TABBY_DEVELOPER_UNSAFE_LAUNCH=true
DynamicUser=yes
{setting}
WorkingDirectory={directory}
ExecStartPre=/bin/mkdir -p models
ExecStart=/opt/venv/bin/python /opt/tabbyAPI/main.py
[Install]
WantedBy=multi-user.target
"""
PLACES = [
    ("StateDirectory=tabbyapi", "/var/lib/tabbyapi", "/var/lib/private/tabbyapi"),
    ("StateDirectory=llm/tabby", "/var/lib/llm/tabby", "/var/lib/private/llm/tabby"),
    ("CacheDirectory=tabbyapi", "/var/cache/tabbyapi", "/var/cache/private/tabbyapi"),
]


def made(tmp_path: Path, setting: str, directory: str, private: str) -> Scene:
    """As systemd lays it out: the private directory is closed, a link leads into it."""
    scene = Scene(tmp_path)
    standin.install(tmp_path / "opt/tabbyAPI")
    scene.write("/opt/venv/bin/python", "\x7fELF\0", mode=0o755)
    scene.write(f"{private}/models/x.txt", "")
    closed = tmp_path / private.rpartition("/private/")[0][1:] / "private"
    closed.chmod(0o700)
    link = tmp_path / directory[1:]
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(os.path.relpath(tmp_path / private[1:], link.parent))
    # systemd names the user after the unit, and only while it runs is there such an account.
    scene.properties = {"User": "tabbyapi", "Group": "tabbyapi"}
    scene.unit = UNIT.format(setting=setting, directory=directory)
    return scene


@pytest.mark.parametrize(("setting", "directory", "private"), PLACES)
@pytest.mark.parametrize("up", [True, False])
def test_it_is_no_fault(
    tmp_path: Path, setting: str, directory: str, private: str, up: bool
) -> None:
    scene = made(tmp_path, setting, directory, private)
    if up:
        scene.write(f"{private}/api_tokens.yml", TOKENS, mode=0o600)
    scene.state = RUNNING
    scene.endpoint = serving() if up else refusing()
    said = scene.examine()
    assert said.ids == ([] if up else ["API001"])


def test_a_directory_that_systemd_does_not_give_is_judged(tmp_path: Path) -> None:
    scene = made(tmp_path, "StateDirectory=other", "/var/lib/tabbyapi", "/var/lib/private/tabbyapi")
    scene.endpoint = refusing()
    assert "TOK007" in scene.examine().explains("SVC012")
