"""Which values would let in who has no key: they are asked for by name, never offered."""

from __future__ import annotations

from tabbydoctor.tabbyapi.binding import binds_loopback_only
from tabbydoctor.tabbyapi.config import EffectiveConfig


def switches_auth_off(place: tuple[str, ...], value: object) -> bool:
    """Whether a value, were it to count, would switch authentication off."""
    return place == ("network", "disable_auth") and value not in (False, None)


def exposes_without_auth(place: tuple[str, ...], value: object, config: EffectiveConfig) -> bool:
    """Whether it would open a TabbyAPI that asks for no key to other machines."""
    widens = place == ("network", "host") and not binds_loopback_only(str(value))
    return widens and value is not None and config.auth_disabled


def opens(place: tuple[str, ...], value: object, config: EffectiveConfig) -> bool:
    """Either of them."""
    return switches_auth_off(place, value) or exposes_without_auth(place, value, config)
