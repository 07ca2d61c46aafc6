"""A part that was named and is not there ends the examination: there is nothing to judge."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tabbydoctor.examination import NothingToExamine, examine
from tabbydoctor.targets import Targets
from tests.scratch_host import ScratchHost


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        (Targets(router="/nope.py"), r"--router /nope\.py: No such file or directory"),
        (Targets(router="/srv"), "--router /srv: it is a directory"),
        (Targets(dir="/nope"), "--dir /nope: No such file or directory"),
        (Targets(dir="/srv/file"), "--dir /srv/file: it is a (regular )?file"),
    ],
)
def test_a_part_that_is_not_there(tmp_path: Path, targets: Targets, said: str) -> None:
    (tmp_path / "srv").mkdir()
    (tmp_path / "srv/file").touch()
    with pytest.raises(NothingToExamine, match=said):
        asyncio.run(examine(ScratchHost(tmp_path), targets, (), time_limit=5))
