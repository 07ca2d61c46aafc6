"""Colour: who gets it, and that it reads on white as on black."""

from __future__ import annotations

import io
from itertools import product

import pytest

from tabbydoctor.cli.app import run
from tabbydoctor.reports.color import PALETTE, Color, colored, coloring, painted

LEAST = 3.8
"""Contrast by WCAG 2.1; 4.6 is the most that one colour has on white and on black alike."""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


def luminance(color: int) -> float:
    """Of one of the 256: the cube of 6, then 24 greys."""
    steps = (0, 95, 135, 175, 215, 255)
    number = color - 16
    grey = (8 + 10 * (color - 232),) * 3
    cube = (steps[number // 36], steps[number // 6 % 6], steps[number % 6]) if color < 232 else grey
    linear = [
        c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (x / 255 for x in cube)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("name", PALETTE)
def test_each_reads_on_white_and_on_black(name: str) -> None:
    light = luminance(PALETTE[name])
    assert 1.05 / (light + 0.05) >= LEAST
    assert (light + 0.05) / 0.05 >= LEAST


@pytest.mark.parametrize(
    ("variable", "value", "stream", "gets"),
    [
        ("TERM", "xterm", Terminal(), True),
        ("TERM", "xterm", io.StringIO(), False),
        ("TERM", "dumb", Terminal(), False),
        ("NO_COLOR", "1", Terminal(), False),
        ("NO_COLOR", "", Terminal(), True),
        ("FORCE_COLOR", "1", io.StringIO(), True),
        ("FORCE_COLOR", "", io.StringIO(), False),
    ],
)
def test_who_gets_it(
    variable: str, value: str, stream: io.StringIO, gets: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    assert colored(stream) is gets


def test_the_option_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for color, stream in product(Color, (Terminal(), io.StringIO())):
        monkeypatch.setenv("NO_COLOR" if color is Color.ALWAYS else "FORCE_COLOR", "1")
        with coloring(color):
            assert color is Color.AUTO or colored(stream) is (color is Color.ALWAYS)
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.delenv("FORCE_COLOR", raising=False)


def test_a_console_of_sixteen_colors_gets_those(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "linux")
    assert painted("x", "bold red") == "\x1b[1;31mx\x1b[0m"


@pytest.mark.parametrize("words", [["list"], ["explain", "CFG004"]])
def test_always_colors_a_pipe(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run([*words, "--color", "always"])
    assert "\x1b[" in capsys.readouterr().out
    run(words)
    assert "\x1b[" not in capsys.readouterr().out
