"""The catalogue of faults: one module a category, each fault a few lines."""

from tests.lab.faults import (
    cards,
    config,
    cuda,
    endpoint,
    gpu,
    nixos,
    other_routers,
    router,
    service,
    tokens,
    weights,
)
from tests.lab.faults.fault import CATALOGUE, Fault
from tests.lab.faults.pairs import pairs

PAIRS = pairs()

__all__ = [
    "CATALOGUE",
    "PAIRS",
    "Fault",
    "cards",
    "config",
    "cuda",
    "endpoint",
    "gpu",
    "nixos",
    "other_routers",
    "router",
    "service",
    "tokens",
    "weights",
]
