"""The built-in checks: one file each, told by an index, so that only what is judged is imported."""

from __future__ import annotations

import json
import posixpath
from typing import Any

from tabbydoctor.api import Check, Cure, Safety, Severity, hookimpl
from tabbydoctor.facts import Deferred

INDEX = posixpath.join(posixpath.dirname(__file__), "index.json")
"""What the checks declare of themselves; `python -m tests.index` makes it from them."""


@hookimpl
def tabbydoctor_checks() -> list[Check]:
    """Every check of this package, in the order of their ids."""
    with open(INDEX, encoding="utf-8") as index:
        return [_check(entry) for entry in json.load(index)]


def _check(entry: dict[str, Any]) -> Check:
    cure = entry.get("cure")
    return Check(
        entry["id"],
        entry["name"],
        entry["category"],
        Severity(entry["severity"]),
        Deferred(entry["judge"], {name: tuple(need) for name, need in entry["needs"].items()}),
        entry["summary"],
        tuple(entry["caused_by"]),
        Cure(**{**cure, "safety": Safety(cure["safety"])}) if cure else None,
        frozenset(entry["tags"]),
    )
