"""A description judged in place of a machine: nothing of this machine is looked at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tabbydoctor.diagnosis.check import Check
from tabbydoctor.facts import needed
from tabbydoctor.targets import Targets

_DESCRIBED = "tabbydoctor.described."
"""Where the facts of a description are made."""


def of_descriptions(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Those that judge a description."""
    return tuple(
        check
        for check in checks
        if any(name.startswith(_DESCRIBED) for name, _ in needed(check.judge).values())
    )


def described_document(targets: Targets) -> dict[str, Any]:
    """The `deployment` of the machine output: what the file is, and nothing found."""
    return {
        **dict.fromkeys(("dir", "tokens_file", "unit", "user", "url", "router", "container")),
        "config_files": [],
        "user_unit": False,
        "found_by": {"description": "--deployment"},
        "tabbyapi_version": None,
        "others": [],
        "description": targets.deployment,
    }
