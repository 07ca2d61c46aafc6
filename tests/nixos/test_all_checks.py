"""Every check whose remedies edit something knows NixOS, or edits what NixOS leaves alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import checks

from .lost_edits import lost_edits

ROOT = Path(checks.__file__).parent
EDITS = re.compile(
    r"\b(?:sudoedit|usermod|gpasswd|chmod|chown|add-wants|sed -i)\b|\| ?sudo tee"
    r"|^ ?(?:edit(?: --full)?|enable) ?$|\bsystemctl(?: --user)? (?:edit|enable)\b"
)
KNOWS = re.compile(r"\b(?:managed|by_nixos|in_store|made_elsewhere|by_rebuild|nixos|NixModule)\b")
LEFT_ALONE = {
    "container/__init__": "files that are mounted into a container",
    "container/mounted_directory": "files that are mounted into a container",
    "key_rotation": "api_tokens.yml",
    "tokens/denied": "api_tokens.yml",
    "tokens/invalid": "api_tokens.yml",
    "tokens/logs_hold_keys": "TabbyAPI's own logs",
    "tokens/readable": "api_tokens.yml",
    "tokens/unparseable": "api_tokens.yml",
    "tokens/unsendable": "api_tokens.yml",
    "tokens/weak": "api_tokens.yml",
}
"""What NixOS neither writes nor overwrites."""


def editing() -> Iterator[tuple[str, str]]:
    """The checks that name an edit in a text of theirs, with their source."""
    for path in ROOT.rglob("*.py"):
        source = path.read_text()
        module = ast.parse(source)
        page = ast.get_docstring(module, clean=False)
        texts = [
            node.value
            for node in ast.walk(module)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value != page
        ]
        if any(EDITS.search(text) for text in texts):
            yield path.relative_to(ROOT).with_suffix("").as_posix(), source


def test_each_knows_nixos() -> None:
    found = dict(editing())
    assert len(found) > 12
    ignorant = {name for name, source in found.items() if not KNOWS.search(source)}
    assert ignorant - set(LEFT_ALONE) == set()


def test_a_lost_edit_is_told_from_others() -> None:
    generated = "/var/lib/tabbyapi/config/config.yml"
    lost = [
        "sudo systemctl edit --full tabbyapi.service",
        "sudo systemctl enable tabbyapi.service",
        f"sudoedit {generated}",
        "sudo chmod 600 /nix/store/x/router.py",
        "printf x | sudo tee /etc/systemd/system/t.service.d/a.conf",
        "sudo usermod -aG video tabbyapi",
    ]
    kept = [
        "sudoedit /etc/nixos/configuration.nix",
        "sudo nixos-rebuild switch",
        "sudo systemctl restart tabbyapi.service",
        "sudo sed -n 1,3p /nix/store/x/router.py",
        "sudo chmod 600 /var/lib/tabbyapi/api_tokens.yml",
        f"ls -l {generated}",
    ]
    assert list(lost_edits([*lost, *kept], generated=generated)) == lost
