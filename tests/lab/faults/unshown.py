"""The ids that no fault of the catalogue can show, each with its reason: at present, none."""

from __future__ import annotations

from collections.abc import Mapping

UNSHOWN: Mapping[str, str] = {}
