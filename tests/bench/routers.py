"""Prints what reading a router costs, as ratios: `python -m tests.bench.routers`.

CPU time, so that a busy machine tells the same. Nothing here passes or fails. `NOTES_ROUTER` names
a router of one's own to read in place of the one that is kept here. As root, the lab tells of
`fix`, too.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tabbydoctor.demo.deployment import demo_deployment
from tabbydoctor.routers import python as reader
from tests.bench.__main__ import LIBRARIES, doctor, python, run
from tests.bench.cost import forked, medians, of_children, show
from tests.bench.programs import lines_of, many_files, one_file
from tests.lab.deployment import Deployment
from tests.lab.installed import CACHE, installed
from tests.lab.machine import LabUnavailableError, Machine

NOTES_LIKE = Path(__file__).parent / "data/notes_like.py.txt"
"""With the shapes and the size of a router that people really run."""
LINES = (625, 1_250, 2_500, 5_000)
FILES = (25, 50, 100, 200)
URLS = ("http://127.0.0.1:5000",)


def notes_router() -> str:
    """The source of a router of the usual size."""
    named = os.environ.get("NOTES_ROUTER")
    return (Path(named) if named else NOTES_LIKE).read_text(encoding="utf-8")


def read(program: Mapping[str, str]) -> None:
    """Read a program, whose first file is its entry."""
    entry, *others = program
    found = reader.read(
        entry, program[entry], URLS, files={each: program[each] for each in others},
        environment={}, directory="/srv/router", roots=("/srv/router",),
    )  # fmt: skip
    assert not found.problem


def reading() -> None:
    """One router against the import of the doctor's libraries."""
    text = notes_router()
    imports = python("-c", f"import {LIBRARIES}")
    whole, bare, one = medians(
        [
            lambda: of_children(lambda: run(imports)),
            lambda: of_children(lambda: run(python("-c", "pass"))),
            lambda: forked(lambda: read({"/srv/router/router.py": text})),
        ]
    )
    what = f"read a router of {text.count(chr(10))} lines / import of libraries"
    show(what, f"{one / (whole - bare):.2f}×", f"aim: at most 0.3×   ({one * 1000:.0f} ms)")


def checking() -> None:
    """A check with that router against one without any."""
    with demo_deployment() as deployment, tempfile.TemporaryDirectory() as scratch:
        deployment.router_program.stop()
        router = Path(scratch, "router.py")
        port = deployment.url.rpartition(":")[2]
        router.write_text(re.sub(r"\b5000\b", port, notes_router()), encoding="utf-8")
        commands = [doctor(deployment), doctor(deployment, "--router", str(router))]
        for command in commands:
            run(command)
        without, with_it = medians(
            [partial(of_children, partial(run, command)) for command in commands]
        )
    show("check with it / without a router", f"{with_it / without:.2f}×", "aim: at most 1.3×")


def growth() -> None:
    """What a line costs as programs grow."""
    for what, sizes, made in (("lines", LINES, one_file), ("files", FILES, many_files)):
        programs = [made(size) for size in sizes]
        seconds = medians([_measured(program) for program in programs])
        costs = [each / lines_of(one) for each, one in zip(seconds, programs, strict=True)]
        told = ", ".join(f"{cost * 1e6:.0f}" for cost in costs)
        show(
            f"cost of a line, {sizes[-1]:,} {what} / {sizes[0]:,}",
            f"{costs[-1] / costs[0]:.2f}×", f"aim: at most 1.5×   (µs: {told})",
        )  # fmt: skip


def _measured(program: Mapping[str, str]) -> Callable[[], float]:
    return lambda: forked(lambda: read(program))


def fixing() -> None:
    """`fix --auth` of the lab's router against a check of it."""
    what = "fix --auth of the lab's router / check"
    if os.geteuid() != 0:
        return show(what, "skipped", "the lab needs root")
    CACHE.mkdir(exist_ok=True)
    try:
        with (
            tempfile.TemporaryDirectory() as scratch,
            Machine.boot(Path(scratch), shown=[CACHE]) as machine,
            installed() as place,
        ):
            deployment = Deployment.deploy(machine, place, router="broken")
            deployment.start()
            deployment.wait_ready()
            check, fix = medians([lambda: _check(deployment), lambda: _fix(deployment)], 3)
    except LabUnavailableError as reason:
        return show(what, "skipped", str(reason))
    return show(what, f"{fix / check:.2f}×", f"aim: at most 3×   ({check:.2f} s a check)")


def _check(deployment: Deployment) -> float:
    return of_children(lambda: deployment.doctor("check", "--format", "json"))


def _fix(deployment: Deployment) -> float:
    """Of a repair, which is taken back after it."""
    seconds = of_children(lambda: deployment.doctor("fix", "--auth", "--yes", "--format", "json"))
    deployment.doctor("undo")
    deployment.wait_ready()
    return seconds


def main() -> None:
    """Measure and print."""
    reading()
    checking()
    growth()
    fixing()


if __name__ == "__main__":
    main()
