"""A word that names nothing: what was probably meant is named, wherever a name is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabbydoctor.cli.app import run
from tabbydoctor.cli.nearest import did_you_mean

KNOWN = ["GPU001", "GPU002", "CFG003", "config", "check", "schema"]


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("chek", "did you mean check?"),
        ("CONFG", "did you mean config?"),
        ("gpu00", "did you mean GPU001 or GPU002?"),
        ("CFG0003", "did you mean CFG003?"),
        ("papyrus", "otherwise"),
        ("XYZ001", "otherwise"),
        ("", "otherwise"),
    ],
)
def test_the_nearest(word: str, hint: str) -> None:
    assert did_you_mean(word, KNOWN, "otherwise") == hint


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["chek"], "check"),
        (["nix", "to-option"], "to-options"),
        (["check", "--formt", "json"], "--format"),
        (["check", "--only", "gpuu"], "gpu"),
        (["check", "--only", "TOK,CGF"], "CFG"),
        (["check", "--skip", "rooter"], "router"),
        (["check", "--format", "josn"], "json"),
        (["check", "--fail-on", "warnings"], "warning"),
        (["check", "--color", "alway"], "always"),
        (["config", "--format", "josn"], "json"),
        (["fix", "CFG0003"], "CFG003"),
        (["fix", "--auth", "--strategy", "router-token"], "router-tokens"),
        (["fix", "--auht"], "--auth"),
        (["explain", "unknown-key"], "config-unknown-key"),
        (["explain", "CFGO03"], "CFG003"),
    ],
)
def test_said_where_it_is_given(
    words: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    said = capsys.readouterr().err
    assert f"did you mean {meant}" in said


def test_said_of_a_setting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text('router-unit = "x.service"\n')
    assert run(["list", "--settings", str(settings)]) == 2
    assert "did you mean router_unit" in capsys.readouterr().err
