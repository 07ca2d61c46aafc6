"""Pairs of independent faults, by name."""

from __future__ import annotations

from tests.lab.faults.fault import Fault

PAIRS: dict[str, Fault] = {}
