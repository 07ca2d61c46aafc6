"""A program twice as large takes about twice the steps; the time is for `tests.bench.routers`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tabbydoctor.source import budget
from tabbydoctor.source.engine import Engine
from tabbydoctor.source.reading import Program, parsed, read
from tests.bench.programs import lines_of, many_files, one_file

MOST = 1.5


def steps_a_line(program: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> float:
    """How many steps are taken for each line of a program, whose first file is its entry."""
    steps = 0
    spend = Engine.spend

    def counted(run: Engine) -> bool:
        nonlocal steps
        steps += 1
        return spend(run)

    with monkeypatch.context() as patch:
        patch.setattr(Engine, "spend", counted)
        seen = read(Program(next(iter(program)), parsed(program), ("/srv/router",), environment={}))
    assert not {budget.STEPS, budget.TIME} & {*seen.cuts}
    assert seen.sent
    return steps / lines_of(program)


@pytest.mark.parametrize(
    ("made", "small", "large"), [(one_file, 625, 5_000), (many_files, 25, 200)]
)
def test_steps_grow_with_the_lines(
    made: Callable[[int], dict[str, str]],
    small: int,
    large: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = steps_a_line(made(small), monkeypatch)
    assert steps_a_line(made(large), monkeypatch) <= MOST * first
