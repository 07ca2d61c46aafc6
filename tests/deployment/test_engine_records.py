"""What Docker wrote down of containers that do not run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tabbydoctor.deployment.engine_records import ended
from tests.scratch_host import ScratchHost

HOME = "var/lib/docker/containers"


def record(root: Path, text: str) -> None:
    file = root / HOME / ("ab" * 32) / "config.v2.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def docker(name: str = "/tabbyapi", image: str = "x/tabbyapi:latest", **state: object) -> str:
    return json.dumps({"Name": name, "Config": {"Image": image}, "State": state})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (docker(Running=False, ExitCode=1), "the container tabbyapi has ended with 1: "),
        (docker("/llm", Running=False, ExitCode=0), "the container llm has ended with 0: "),
        (docker("/tabby-api", "local", ExitCode=137), "the container tabby-api has ended with 137"),
        (docker(Running=True, ExitCode=0), ""),
        (docker("/web", "nginx", Running=False), ""),
        ("{", ""),
        ("[]", ""),
        ('{"Name": 5, "Config": 7, "State": []}', ""),
    ],
)
def test_one_that_has_ended(tmp_path: Path, text: str, said: str) -> None:
    record(tmp_path, text)
    found = ended(ScratchHost(tmp_path))
    assert [one.startswith(said) for one in found] == ([True] if said else [])


def test_none_without_docker(tmp_path: Path) -> None:
    assert ended(ScratchHost(tmp_path)) == ()
