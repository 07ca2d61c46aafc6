"""What a run does not come to is not imported: the heavy parts by name, without a clock."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tabbydoctor import __version__
from tabbydoctor.demo.deployment import DemoDeployment, demo_deployment

WITHOUT_A_ROUTER = (
    *("libcst", "rich.console", "pygments"),
    *("tabbydoctor.routers.python", "tabbydoctor.routers.inputs", "tabbydoctor.routers.nginx"),
    *("tabbydoctor.routers.gateways.passage", "tabbydoctor.source.reading", "tabbydoctor.remedies"),
    *("tabbydoctor.fixing", "tabbydoctor.demo", "tabbydoctor.described.server"),
    *("tabbydoctor.tabbyapi.coercion", "tabbydoctor.api.facts"),
    *("tabbydoctor_checks.router", "tabbydoctor_checks.nixos.draft"),
)
TOLD = """
import json, sys
from tabbydoctor.cli.app import run
run(sys.argv[1:])
sys.stderr.write(json.dumps(sorted(sys.modules)))
"""


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoDeployment]:
    with demo_deployment() as deployment:
        deployment.router_program.stop()
        yield deployment


def imported(*arguments: str) -> set[str]:
    """The modules of a run."""
    done = subprocess.run(
        [sys.executable, "-c", TOLD, *arguments], capture_output=True, text=True, check=False
    )
    found: set[str] = set(json.loads(done.stderr.splitlines()[-1]))
    return found


def test_a_check_without_a_router(demo: DemoDeployment) -> None:
    checks = ("--only", "API,CFG,TOK,RTR,GPU,NIX,CTR")
    given = ("--dir", str(demo.directory), "--url", demo.url)
    found = imported("check", *checks, *given, "--format", "json")
    assert "tabbydoctor.tabbyapi.probing" in found
    assert sorted(found & set(WITHOUT_A_ROUTER)) == []


def test_the_list_of_checks_imports_none() -> None:
    found = imported("list")
    assert not [name for name in found if name.startswith("tabbydoctor_checks.")]


def test_the_help_of_a_command_imports_no_other() -> None:
    assert not imported("explain", "--help") & {"tabbydoctor.cli.fix", "tabbydoctor.examination"}


@pytest.mark.parametrize("words", [(), ("check",), ("nix", "to-options"), ("explain", "CFG004")])
def test_every_command_answers_version(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tabbydoctor", *words, "--version"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, f"tabbydoctor {__version__}\n")
