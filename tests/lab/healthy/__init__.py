"""Healthy deployments of every kind: none of them may get an error or a warning."""

from tests.lab.healthy import dynamic, gateways, gpu, nixos, places, services
from tests.lab.healthy.variant import VARIANTS, Variant

__all__ = ["VARIANTS", "Variant", "dynamic", "gateways", "gpu", "nixos", "places", "services"]
