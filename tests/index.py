"""Makes what a run knows of checks and gatherers before it imports any: `python -m tests.index`."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Iterator
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from tabbydoctor import builtin
from tabbydoctor.diagnosis.check import Check
from tabbydoctor.diagnosis.cure import Cure
from tabbydoctor.facts import gathered, needed

CHECKS = import_module("tabbydoctor_checks")


def indexes() -> dict[Path, str]:
    """Path -> text."""
    return {
        Path(CHECKS.INDEX): _lines([_of_check(*found) for found in checks()]),
        Path(builtin.INDEX): _lines(dict(_gatherers())),
    }


def checks() -> list[tuple[str, Check]]:
    """Every check of `checks/` with the name it stands under, in the order of their ids."""
    found = {}
    for module in pkgutil.walk_packages(CHECKS.__path__, "tabbydoctor_checks."):
        for name, value in vars(import_module(module.name)).items():
            if isinstance(value, Check) and value.judge.__module__ == module.name:
                found[value.id] = (f"{module.name}:{name}", value)
    return [found[id] for id in sorted(found)]


def _of_check(name: str, check: Check) -> dict[str, Any]:
    return {
        "id": check.id,
        "name": check.name,
        "category": check.category,
        "severity": check.severity,
        "summary": check.summary,
        "judge": f"{name}.judge",
        "needs": needed(check.judge),
        "caused_by": check.caused_by,
        "tags": sorted(check.tags),
        **({"cure": _of_cure(check.cure)} if check.cure else {}),
    }


def _of_cure(cure: Cure) -> dict[str, Any]:
    """What it says beyond what every cure does."""
    usual = asdict(Cure("", cure.safety))
    return {
        name: value
        for name, value in asdict(cure).items()
        if name == "safety" or value != usual[name]
    }


def _gatherers() -> Iterator[tuple[str, Any]]:
    for room in builtin.ROOMS:
        for gatherer in import_module(room).GATHERERS:
            name = f"{gatherer.__module__}:{gatherer.__qualname__}"
            yield gathered(gatherer), {"gatherer": name, "needs": needed(gatherer)}


def _lines(entries: list[Any] | dict[str, Any]) -> str:
    """JSON with an entry a line, so that a change shows as one."""
    if isinstance(entries, list):
        return "[\n" + ",\n".join(map(json.dumps, entries)) + "\n]\n"
    pairs = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in entries.items())
    return "{\n" + ",\n".join(pairs) + "\n}\n"


def write() -> list[Path]:
    """Write them, and say where."""
    made = indexes()
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
    return list(made)


if __name__ == "__main__":
    print("\n".join(f"wrote {path}" for path in write()))
