"""The ids that no fault of the catalogue can show, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping

_NIXOS = "it needs NixOS: a store and a unit of its module, see `tests/checks/nixos`"

UNSHOWN: Mapping[str, str] = {
    "GPU008": "it compares a model's size with a GPU's memory; there is no such check yet",
    "NIX001": _NIXOS,
    "NIX002": _NIXOS,
    "NIX003": _NIXOS,
    "NIX004": _NIXOS,
    "NIX005": _NIXOS,
    "NIX006": _NIXOS,
}
