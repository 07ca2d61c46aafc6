"""Setting a variable in an environment file: every other byte stays."""

from __future__ import annotations

import pytest

from tabbydoctor.remedies.credential import with_variable, without_variable


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'A="1"\r\nB="2"\r\n', b'A="1"\r\nB="2"\r\nX="k"\r\n'),
        (b'A="x\x0cy"\n', b'A="x\x0cy"\nX="k"\n'),
        ('A="x\u2028X=1"\n'.encode(), 'A="x\u2028X=1"\nX="k"\n'.encode()),
        (b'A="\xff"\n', b'A="\xff"\nX="k"\n'),
        (b"# no newline", b'# no newline\nX="k"\n'),
        (b'A="a\\\nX=1"\nX=2\n', b'A="a\\\nX=1"\nX="k"\n'),
        (b"A=a\\\nX=1\n", b'A=a\\\nX=1\nX="k"\n'),
        (b"A='a\nX=1'\n", b"A='a\nX=1'\nX=\"k\"\n"),
        (b'X="old\nolder"\r\nB=1\n', b'X="k"\r\nB=1\n'),
        (b"X=old\\\nolder\nB=1\n", b'X="k"\nB=1\n'),
        (b"X=1\nX=2\n", b'X=1\nX="k"\n'),
        (b"  X = old  \n", b'  X="k"\n'),
        (b"X=k\n", b"X=k\n"),
        (b"X='k'\n", b'X="k"\n'),
        (b"#X=1\n;X=2\nexport X=3\n", b'#X=1\n;X=2\nexport X=3\nX="k"\n'),
        (b"X=\nB=1\n", b'X="k"\nB=1\n'),
        (b'A="not closed\n', b'X="k"\nA="not closed\n'),
        (b"A=1\n# goes on \\", b'X="k"\nA=1\n# goes on \\'),
        (b"", b'X="k"\n'),
    ],
)
def test_an_environment_file_changes_in_one_place(before: bytes, after: bytes) -> None:
    assert with_variable(before, "X", "k") == after
    assert with_variable(after, "X", "k") == after


def test_a_unit_file_is_read_by_lines_of_systemds() -> None:
    kept = 'Environment="A=x\u2028Environment=X=1"\r\nEnvironment=B=1\x0c\n'.encode()
    assert without_variable(kept + b"Environment=X=1\n", "X") == kept


SECRET = "X=" + "9" * 32


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{SECRET}", None),
        (f"'{SECRET}'", None),
        (f"A=1 {SECRET} B=2", "A=1 B=2"),
        (f"{SECRET} A=1", "A=1"),
        (f'A=1  "{SECRET}"', "A=1"),
        (f'"J={{\\"a\\": 1}}" {SECRET} "G=it\'s on"', '"J={\\"a\\": 1}" "G=it\'s on"'),
        (f"A=a\\x20b B=C:\\\\new {SECRET}", "A=a\\x20b B=C:\\\\new"),
        (f"A=1 \\\n  {SECRET}", "A=1"),
        (f"A=1 \\\n  {SECRET} \\\n  B=2", "A=1 \\\n  B=2"),
        (f"{SECRET} \\\n  B=2", "B=2"),
        (f"A='a {SECRET}'", f"A='a {SECRET}'"),
        (f"A=it's {SECRET}", f"A=it's {SECRET}"),
    ],
)
def test_the_words_beside_a_variable_of_a_unit_stay(before: str, after: str | None) -> None:
    unit = "[Service]\nEnvironment={}\nUser=a\n"
    expected = "[Service]\nUser=a\n" if after is None else unit.format(after)
    assert without_variable(unit.format(before).encode(), "X").decode() == expected
