"""The values of a configuration as plain data, secrets hidden."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Any

from tabbydoctor.tabbyapi.keys import is_secret

HIDDEN = "***"


def masked(section: str, key: str | None, value: Any) -> Any:
    """The value as plain JSON, with secrets hidden, going by the names of their keys."""
    if value is not None and is_secret(section, key):
        return HIDDEN
    if isinstance(value, Mapping):
        return {str(name): masked(section, str(name), inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [masked(section, key, inner) for inner in value]
    if isinstance(value, datetime.date) or (isinstance(value, float) and not math.isfinite(value)):
        return str(value)
    plain = value is None or isinstance(value, str | int | float)
    return value if plain else str(value)
