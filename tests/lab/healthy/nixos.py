"""Healthy variants: the NixOS module's deployment."""

from __future__ import annotations

from tests.lab.healthy.variant import variant
from tests.lab.nixos import STAND_IN, in_place

variant("NixOS", stand_in=STAND_IN)(in_place())
variant("NixOS, all addresses, keys asked for", stand_in=STAND_IN)(
    in_place(host="0.0.0.0", maxSeqLen=4096)
)
variant("NixOS, auth off on loopback", stand_in=STAND_IN)(in_place(disableAuth=True))
