"""The catalogue of faults: one module a category, each fault a few lines."""

from importlib import import_module

from tests.lab.faults.fault import CATALOGUE, Fault
from tests.lab.faults.pairs import pairs

MODULES = (
    *("cards", "config", "cuda", "endpoint", "gpu", "nixos", "other_routers", "router", "service"),
    *("tokens", "weights"),
)
"""Each enters its faults into the catalogue."""

for module in MODULES:
    import_module(f"{__name__}.{module}")

PAIRS = pairs()

__all__ = ["CATALOGUE", "PAIRS", "Fault"]
