"""A bundle of a real systemd, judged outside: what was found inside is found there, as it was."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.lab import containers
from tests.lab.deployment import ADMIN_KEY, API_KEY, Deploy, Deployment
from tests.lab.faults import CATALOGUE
from tests.lab.making import make
from tests.lab.test_containers import FAULTS, without_router

BUNDLE = "/root/bundle.tar.gz"
NAMES = (
    "a driver too old for CUDA 12", "the nodes are for a group", "the GPU fell off the bus",
    "a GPU that is too old", "exllamav3 for another torch", "broken YAML",
    "tokens for all to read", "unit changed, not reloaded", "the virtual environment is gone",
    "a router without a key", "a router that hands its callers' headers on",
    "NixOS open to the network", "NixOS with a config.yml of its own in dataDir",
)  # fmt: skip
CONTAINERS = ("bound to its loopback", "open to the world", "open to the world, its records unread")


def findings(document: Mapping[str, Any]) -> dict[str, Any]:
    """Of each check its status and what is shown for it, but for what each look makes anew."""
    text = re.sub(
        r"probe=tabbydoctor-[\w-]+|\b1\d\d(\.\d+)? (ms|s|seconds)\b", "X", json.dumps(document)
    )
    return {
        check["id"]: (
            check["status"],
            [(one["severity"], one["title"], one["evidence"]) for one in check["findings"]],
        )
        for check in json.loads(text)["checks"]
    }


def same_elsewhere(
    d: Deployment, place: Path, *arguments: str, env: Mapping[str, str] | None = None
) -> None:
    """The findings of a check, and those of a bundle that leaves the machine, are the same."""
    live = d.doctor("check", *arguments, "--format", "json", env=env).document
    assert "error" not in live
    made = d.doctor("bundle", *arguments, "--output", BUNDLE, env=env)
    assert made.exit_code == 0, made.stdout + made.stderr
    content = base64.b64decode(d.machine.run(["base64", BUNDLE]).stdout)
    path = place / "bundle.tar.gz"
    path.write_bytes(content)
    d.machine.reset()  # what is judged is there no more
    judged = subprocess.run(
        [d.installed.doctor, "check", "--from", path, "--format", "json"],
        cwd=place, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert API_KEY not in judged.stdout
    assert ADMIN_KEY not in judged.stdout
    elsewhere = json.loads(judged.stdout)
    assert findings(elsewhere) == findings(live)
    assert elsewhere["verdict"] == live["verdict"]
    assert elsewhere["exit_code"] == live["exit_code"] == judged.returncode


@pytest.mark.parametrize("name", NAMES)
def test_of_a_fault(deploy: Deploy, name: str, tmp_path: Path) -> None:
    fault = CATALOGUE[name]
    d = deploy(**fault.deploy)
    make(d, fault)
    same_elsewhere(d, tmp_path, *fault.arguments, env=fault.doctor_env)


@pytest.mark.parametrize("name", CONTAINERS)
def test_of_a_container(deploy: Deploy, name: str, tmp_path: Path) -> None:
    d = deploy()
    without_router(d)
    containers.run(d, FAULTS[name][1])
    same_elsewhere(d, tmp_path)
