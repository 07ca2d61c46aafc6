"""A command line that is read without typer: as typer reads it, or left to typer."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import typer

from tabbydoctor.cli.app import function_of
from tabbydoctor.cli.option import NotPlain, plain_call, typed

CHECK = function_of("check")


def by_typer(arguments: list[str]) -> dict[str, Any]:
    """What typer gives the command."""
    given: dict[str, Any] = {}

    def noted(**values: Any) -> None:
        given.update(values)

    noted.__signature__ = inspect.signature(CHECK)  # type: ignore[attr-defined]
    noted.__annotations__ = dict(CHECK.__annotations__)
    app = typer.Typer(add_completion=False)
    app.command()(typed(noted))
    typer.main.get_command(app).main(arguments, standalone_mode=False)
    return given


def plain(arguments: list[str]) -> dict[str, Any]:
    """What the command is given without typer."""
    call: Any = plain_call(CHECK, arguments)
    return dict(call.keywords)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--dir", "/srv/TabbyAPI", "--url", "http://127.0.0.1:5000"],
        ["--dir=/srv/a=b", "--format=json"],
        ["-q", "--verbose"],
        ["--timeout", "2.5", "--wait=3"],
        ["--from", "b.zip", "--user-unit", "tabby.service", "--fail-on", "warning"],
        ["--only=", "--skip", ""],
        ["--router", "a file.py"],
    ],
)
def test_as_typer_reads_it(arguments: list[str]) -> None:
    assert plain(arguments) == by_typer(arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["-h"],
        ["--dir"],
        ["--dir", "--url"],
        ["--dir=-"],
        ["--dir", "a", "--dir", "b"],
        ["-q", "-q"],
        ["-qv"],
        ["--quiet=1"],
        ["--no-such", "a"],
        ["--di", "a"],
        ["a"],
        ["--", "a"],
        ["--timeout", "soon"],
        ["--timeout", ""],
        ["--timeout", "."],
        ["--timeout", "1e3"],
        ["--timeout", "1_0"],
        ["--timeout", "٣"],
        ["--wait", "inf"],
    ],
)
def test_what_is_left_to_typer(arguments: list[str]) -> None:
    with pytest.raises(NotPlain):
        plain(arguments)


def test_a_command_with_other_options_is_left_to_typer() -> None:
    with pytest.raises(NotPlain):
        plain_call(function_of("list"), [])
