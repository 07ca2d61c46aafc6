"""Targets by option, environment variable and settings file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabbydoctor.cli.errors import CommandError
from tabbydoctor.cli.options import resolve


def test_option_beats_environment_beats_settings(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text('dir = "/from/settings"\nunit = "s.service"\nuser = "sam"\n')
    given = resolve(
        {"dir": "/from/option", "settings": str(settings)},
        {"TABBYDOCTOR_DIR": "/from/environment", "TABBYDOCTOR_UNIT": "e.service"},
    )
    targets = given.targets
    assert (targets.dir, targets.unit, targets.user) == ("/from/option", "e.service", "sam")
    assert targets.source("dir") == "--dir"
    assert targets.source("unit") == "TABBYDOCTOR_UNIT"
    assert targets.source("user") == str(settings)


def test_the_usual_settings_file(tmp_path: Path) -> None:
    (tmp_path / "tabbydoctor").mkdir()
    (tmp_path / "tabbydoctor/settings.toml").write_text('state_dir = "/var/x"\n')
    assert resolve({}, {"XDG_CONFIG_HOME": str(tmp_path)}).state_dir == "/var/x"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dir = ", "no valid TOML"),
        ('\n\ndirr = "/x"\n', "settings.toml:3: there is no setting 'dirr'"),
        ("dir = 5\n", "settings.toml:1: dir must be a string"),
    ],
)
def test_a_bad_settings_file_is_named_with_its_line(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "settings.toml").write_text(text)
    with pytest.raises(CommandError, match=r"settings\.toml") as error:
        resolve({"settings": str(tmp_path / "settings.toml")}, {})
    assert message in error.value.message


def test_a_missing_settings_file_that_was_named() -> None:
    with pytest.raises(CommandError, match=r"/nope\.toml: No such file"):
        resolve({"settings": "/nope.toml"}, {})


@pytest.mark.parametrize(
    "options", [{"url": "localhost:5000"}, {"dir": ""}, {"unit": "a", "user_unit": "b"}]
)
def test_bad_targets(options: dict[str, str | None]) -> None:
    with pytest.raises(CommandError):
        resolve(options, {})
