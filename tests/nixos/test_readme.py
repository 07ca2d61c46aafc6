"""The README says which checks do the troubleshooting steps of the module's own README."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

from tabbydoctor import plugins

README = Path(__file__).parents[2] / "README.md"
STEPS = ("service status", "logs", "generated configuration", "drivers", "access to GPU", "CUDA")


def test_every_step_is_done_by_checks_that_there_are() -> None:
    section = README.read_text().partition("\n## NixOS\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1:3] for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(STEPS)
    known = {check.id for check in plugins.checks()}
    for step, (said, done) in zip(STEPS, rows, strict=True):
        assert step in said
        named = re.findall(r"[A-Z]{3}\d{3}", done)
        assert named
        assert set(named) <= known


def test_all_checks_of_the_module_are_in_the_table() -> None:
    section = README.read_text().partition("\n## NixOS\n")[2].partition("\n## ")[0]
    ranges = re.findall(r"(NIX\d{3}) to (NIX\d{3})", section)
    last = max(check.id for check in plugins.checks() if check.category == "nixos")
    assert [end for pair in ranges for _, end in pairwise(pair)] == [last]
