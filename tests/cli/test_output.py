"""`--output` and the settings file: root's hands and ears are lent to nobody."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tabbydoctor.cli.errors import CommandError
from tabbydoctor.cli.output import write_output
from tabbydoctor.cli.settings import load_settings

IVAN = 61001
needs_root = pytest.mark.root(reason="root is who writes")


@pytest.fixture
def theirs() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        home = Path(name) / "ivan"
        home.mkdir()
        os.chown(home, IVAN, IVAN)
        (Path(name) / "roots").write_text("root's")
        yield home


def test_a_report_replaces_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "report"
    file.write_text("a much longer text than the new one")
    write_output(str(file), "new\n")
    assert file.read_text() == "new\n"


def test_it_is_replaced_in_one_step_and_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "metrics.prom"
    file.write_text("old")
    file.chmod(0o640)
    with file.open() as reader:
        write_output(str(file), "new")
        assert reader.read() == "old", "who has opened it reads the old one to its end"
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("new", 0o640)
    assert [one.name for one in tmp_path.iterdir()] == ["metrics.prom"]


@pytest.mark.parametrize("there", [None, 0o644], ids=["new", "readable by all before"])
def test_a_private_one_is_nobody_elses_at_any_time(
    tmp_path: Path, there: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "bundle"
    if there is not None:
        file.touch()
        file.chmod(there)
    seen: list[int] = []

    def told(handle: int, text: str) -> None:
        seen.append(os.fstat(handle).st_mode & 0o777)
        os.close(handle)

    monkeypatch.setattr("tabbydoctor.cli.output._fill", told)
    write_output(str(file), "secret", private=True)
    assert [*seen, file.stat().st_mode & 0o777] == [0o600, 0o600]


def test_a_private_one_goes_into_no_file_that_others_have_open(tmp_path: Path) -> None:
    file = tmp_path / "bundle"
    file.write_text("old")
    file.with_name("second").hardlink_to(file)
    with pytest.raises(CommandError, match="you alone can read"):
        write_output(str(file), "secret", private=True)
    assert file.read_text() == "old"


def test_a_text_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "metrics.prom"
    file.write_text("old")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tabbydoctor.cli.output._fill", full)
    with pytest.raises(CommandError, match="No space"):
        write_output(str(file), "new")
    assert file.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["metrics.prom"]


def test_own_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real").touch()
    (tmp_path / "link").symlink_to("real")
    tmp_path.chmod(0o755)
    write_output(str(tmp_path / "link"), "x")
    assert (tmp_path / "real").read_text() == "x"


def test_what_is_open_already() -> None:
    reader, writer = os.pipe()
    write_output(f"/dev/fd/{writer}", "piped")
    os.close(writer)
    assert os.read(reader, 10) == b"piped"
    os.close(reader)


@pytest.mark.parametrize("name", ["no/such/directory", ""])
def test_no_such_place(tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandError, match="--output"):
        write_output(str(tmp_path / name), "x")


@needs_root
@pytest.mark.parametrize("how", ["link", "chain", "directory", "hard link"])
def test_no_way_that_others_may_have_made(theirs: Path, how: str) -> None:
    victim = theirs.parent / "roots"
    at = theirs / "report"
    if how == "hard link":
        at.hardlink_to(victim)
    elif how == "directory":
        (theirs / "d").symlink_to(victim.parent)
        at = theirs / "d" / "roots"
    else:
        at.symlink_to(victim if how == "link" else "second")
        (theirs / "second").symlink_to(victim)
    with pytest.raises(CommandError, match=r"link"):
        write_output(str(at), "overwritten")
    assert victim.read_text() == "root's"


@needs_root
def test_settings_of_another_account_do_not_steer_root(
    theirs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = theirs / ".config/tabbydoctor/settings.toml"
    own.parent.mkdir(parents=True)
    own.write_text('tokens = "/root/other/api_tokens.yml"\n')
    environment = {"HOME": str(theirs)}
    assert load_settings(None, environment).path != str(own)
    assert "is not read: others may write it" in capsys.readouterr().err
    assert load_settings(str(own), environment).values["tokens"] == "/root/other/api_tokens.yml"


def test_a_fifo_is_no_settings_file(tmp_path: Path) -> None:
    fifo = tmp_path / "settings.toml"
    subprocess.run(["mkfifo", fifo], check=True)
    with pytest.raises(CommandError, match="not a regular file"):
        load_settings(str(fifo), {})
