"""Healthy deployments of every kind: none of them may get an error or a warning."""

from importlib import import_module

from tests.lab.healthy.variant import VARIANTS, Variant

MODULES = ("dynamic", "gateways", "gpu", "nixos", "places", "services")
"""Each enters its variants."""

for module in MODULES:
    import_module(f"{__name__}.{module}")

__all__ = ["VARIANTS", "Variant"]
