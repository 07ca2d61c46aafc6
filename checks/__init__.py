"""The built-in checks: one file each, found by walking this package."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from tabbydoctor.api import Check, hookimpl


@hookimpl
def tabbydoctor_checks() -> list[Check]:
    """Every `Check` that stands in a module of this package, in the order of their ids."""
    return sorted(_checks(), key=lambda check: check.id)


def _checks() -> Iterator[Check]:
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        if not module.ispkg:
            names = vars(importlib.import_module(module.name))
            yield from (value for value in names.values() if isinstance(value, Check))
