"""Commands laid out to paste."""

from __future__ import annotations

import pytest

from tabbydoctor.reports.shell import command_lines


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        ("systemctl restart x", ["systemctl restart x"]),
        ("one two three four", ["one two three \\", "    four"]),
        ("a \\\n   b", ["a b"]),
        ('a = {\n  b = "c";\n};', ["a = {", '  b = "c";', "};"]),
        ("it's\nso", ["it's", "so"]),
        ("cat 'a\nb'", ["cat $'a\\nb'"]),
        ("cat 'a b c d e f' g", ["cat \\", "    'a b c d e f' \\", "    g"]),
        ("a #b c d e f g h i j", ["a #b c d e f g h i j"]),
        ("cat <<E\n  it's\nE", ["cat <<E", "  it's", "E"]),
        ("", []),
    ],
)
def test_lines(command: str, lines: list[str]) -> None:
    assert command_lines(command, 16 if "systemctl" not in command else 80) == lines
