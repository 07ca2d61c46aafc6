"""docs/runbooks.md on three hosts: a healthy one, one with the field's 401, and one half dead."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.lab.deployment import ADMIN_KEY, API_KEY, Deployment
from tests.lab.fleet import Fleet
from tests.lab.installed import CACHE, REPOSITORY, Installed
from tests.lab.machine import Machine
from tests.programs import require

PAGE = (REPOSITORY / "docs/runbooks.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
HEALTHY, REFUSED, HALF_DEAD = "gpu1", "gpu2", "gpu3"
(PLAYBOOK,) = re.findall(r"```yaml\n(# fleet.yml\n.*?)```", PAGE, re.DOTALL)
pytestmark = pytest.mark.heavy


@pytest.fixture
def hosts(
    fresh_machine: Machine, installed: Installed, tmp_path: Path
) -> Iterator[dict[str, Deployment]]:
    """The deployments by their hosts' names, running as well as they can."""
    with ExitStack() as stack:
        machines = [fresh_machine]
        for name in (REFUSED, HALF_DEAD):
            scratch = tmp_path / name
            scratch.mkdir()
            machines.append(stack.enter_context(Machine.boot(scratch, shown=[CACHE])))
        routers = {HEALTHY: "healthy", REFUSED: "broken", HALF_DEAD: "healthy"}
        deployed = {
            name: Deployment.deploy(machine, installed, router=router)  # type: ignore[arg-type]
            for machine, (name, router) in zip(machines, routers.items(), strict=True)
        }
        for name, one in deployed.items():
            one.machine.run(["hostname", name])
            one.machine.write("/etc/hosts", f"127.0.0.1 localhost {name}\n::1 localhost {name}\n")
            one.start()
            one.wait_ready()
        dead = deployed[HALF_DEAD]
        dead.machine.remove(f"{dead.directory}/venv")
        dead.machine.run(["systemctl", "restart", "tabbyapi.service"], check=False)
        yield deployed


@pytest.fixture
def fleet(hosts: dict[str, Deployment], tmp_path: Path) -> Fleet:
    """The hosts, reached by ssh."""
    directory = tmp_path / "fleet"
    directory.mkdir()
    machines = {name: one.machine for name, one in hosts.items()}
    return Fleet.of(machines, directory, require("sshd"))


def recipe(words: str) -> str:
    """A recipe of the page, for three hosts."""
    (found,) = [one for one in RECIPES if words in one]
    return (
        str(found).replace("gpu1,gpu2,", "gpu1,gpu2,gpu3,").replace("gpu1 gpu2", "gpu1 gpu2 gpu3")
    )


def test_over_ssh(fleet: Fleet) -> None:
    done = fleet.run(recipe("tabbydoctor merge -").replace("merge -", "merge --format json -"))
    assert done.returncode == 0, done.stderr
    merged = json.loads(done.stdout)
    assert merged["summary"] == {"well": 1, "failing": 2, "unjudged": 0}
    roots = {one["root"]: one["hosts"] for one in merged["roots"]}
    assert roots == {"RTR001": [REFUSED], "SVC002": [HALF_DEAD]}


def results(fleet: Fleet, line: str) -> tuple[dict[str, dict[str, Any]], str]:
    """A line of the recipe: each task's result by the host, and what a person is shown."""
    shown = fleet.run(line)
    assert API_KEY not in shown.stdout + shown.stderr
    assert ADMIN_KEY not in shown.stdout + shown.stderr
    recap = re.findall(r"^(gpu\d) +: ok=(\d+) +changed=(\d+).* failed=(\d+)", shown.stdout, re.M)
    named = ("ok", "changed", "failed")
    counts = {name: dict(zip(named, map(int, told), strict=True)) for name, *told in recap}
    return counts, shown.stdout + shown.stderr


def test_with_ansible(fleet: Fleet, hosts: dict[str, Deployment]) -> None:
    require("ansible-playbook")
    (fleet.directory / "ansible").symlink_to(REPOSITORY / "ansible")
    (fleet.directory / "fleet.yml").write_text(PLAYBOOK)
    install, look, repair = recipe("ansible-galaxy").splitlines()
    done = fleet.run(install)
    assert done.returncode == 0, done.stdout + done.stderr
    refused = hosts[REFUSED]
    files: list[str | Path] = ["/opt/llm-router", refused.config, refused.tokens, "/etc/systemd"]
    before = refused.machine.snapshot(files)

    counts, said = results(fleet, look)
    assert [counts[name]["changed"] for name in hosts] == [0, 1, 0], said
    assert [counts[name]["failed"] for name in hosts] == [0, 0, 0], said
    assert f"+++ {refused.router}" in said, "the diff is shown"
    assert refused.machine.snapshot(files) == before

    counts, said = results(fleet, repair)
    assert [counts[name]["changed"] for name in hosts] == [0, 1, 0], said
    assert [counts[name]["failed"] for name in hosts] == [0, 0, 1], said
    assert refused.forward().status != 401
    after = refused.machine.snapshot(files)
    assert after != before

    counts, said = results(fleet, repair)
    assert [counts[name]["changed"] for name in hosts] == [0, 0, 0], said
    assert refused.machine.snapshot(files) == after
