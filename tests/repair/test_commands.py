"""`tabbydoctor undo` and `tabbydoctor history`, as an operator meets them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import typer

from tabbydoctor.cli import history, undo
from tabbydoctor.cli.errors import CommandError
from tabbydoctor.repair.outcome import Change
from tabbydoctor.reports import history_view
from tabbydoctor.reports.schema import json_schema
from tests.repair.trees import edit, plan, state_in

app = typer.Typer()
app.command("undo")(undo.undo)
app.command("history")(history.history)


def run(*arguments: str) -> object:
    """One command; its exit code."""
    return typer.main.get_command(app).main(list(arguments), standalone_mode=False)


@pytest.fixture
def given(tmp_path: Path) -> list[str]:
    """The options of every run; the configuration is a broken one."""
    (tmp_path / "config.yml").write_text("network: [broken")
    return ["--state-dir", str(tmp_path / "state"), "--config", str(tmp_path / "config.yml")]


def test_history_then_undo(
    tmp_path: Path, given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("history", *given) == 0
    assert capsys.readouterr().out == "No change is recorded.\n"
    path = tmp_path / "config.yml"
    change = state_in(tmp_path).apply(plan(edit(path, b"network: {}")), lambda: True)
    assert run("history", *given) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"{change.id}  applied and verified\n  repair the test\n  ")
    assert str(path) in text
    assert run("undo", *given) == 0
    assert capsys.readouterr().out.startswith(f"Took back {change.id}: repair the test\n")
    assert path.read_text() == "network: [broken"
    with pytest.raises(CommandError, match="nothing to undo") as caught:
        run("undo", *given)
    assert caught.value.exit_code == 2
    assert run("history", "--format", "json", *given) == 0
    document = json.loads(capsys.readouterr().out)
    (entry,) = document["history"]
    assert (entry["id"], entry["state"], entry["targets"]) == (change.id, "undone", [str(path)])
    schema = json_schema()
    jsonschema.validate(document, {**schema["$defs"]["history"], "$defs": schema["$defs"]})


def test_undo_by_id(tmp_path: Path, given: list[str]) -> None:
    path, other = tmp_path / "config.yml", tmp_path / "other"
    first = state_in(tmp_path).apply(plan(edit(path, b"1")))
    state_in(tmp_path).apply(plan(edit(other, b"2")))
    assert run("undo", str(first.id), "--no-restart", *given) == 0
    assert path.read_text() == "network: [broken"
    assert other.read_bytes() == b"2"
    with pytest.raises(CommandError, match="taken back already"):
        run("undo", str(first.id), *given)


def test_what_could_not_be_undone_is_exit_2(tmp_path: Path, given: list[str]) -> None:
    state_in(tmp_path).apply(plan(edit(tmp_path / "config.yml", b"ours")))
    (tmp_path / "config.yml").write_text("theirs")
    with pytest.raises(CommandError, match="changed by somebody else"):
        run("undo", *given)
    assert (tmp_path / "config.yml").read_text() == "theirs"


def test_a_state_directory_of_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    for command in ("undo", "history"):
        with pytest.raises(CommandError, match="can be written by others"):
            run(command, "--state-dir", str(tmp_path))


def test_at_most_80_columns_and_nothing_invisible() -> None:
    change = Change(
        "20261123T053612Z-4f2a",
        "2026-11-23T05:36:12Z",
        "rolled-back",
        "the router reads the key from api_tokens.yml when it needs it and sends it " * 2,
        ("/opt/a\x1b[31m", "/opt/b"),
        left=("/opt/b",),
        notes=("not put back: /opt/b was changed by somebody else; it is left as it is " * 2,),
    )
    for text in (history_view.as_text([change, change], 80), history_view.undone(change, 80)):
        assert all(len(line) <= 80 for line in text.splitlines())
        assert "\x1b" not in text
    assert "/opt/b is as it was" not in history_view.undone(change, 80)
