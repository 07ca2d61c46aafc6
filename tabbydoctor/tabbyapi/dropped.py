"""The names that TabbyAPI drops: those meant to switch authentication, and the others."""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.tabbyapi.config import EffectiveConfig, Ignored

_SECTIONS = frozenset({"auth", "authentication", "disable_auth", "disable_authentication"})
_KEYS = frozenset({"auth", "enable_auth", "auth_enabled", "require_auth", "disable_auth"})


def about_auth(item: Ignored) -> bool:
    """Whether something dropped was meant to switch authentication."""
    unknown = item.why in ("unknown-section", "unknown-key")
    name = (item.key or item.section).lower()
    return unknown and (item.section.lower() in _SECTIONS or name in _KEYS)


def unknown_names(config: EffectiveConfig, nixos: bool) -> Iterator[Ignored]:
    """Sections, keys and variables that TabbyAPI does not know, those about auth left out.

    With `nixos`, those that the NixOS module always writes are left out as well.
    """
    for item in config.ignored:
        if item.why not in ("unknown-section", "unknown-key") or about_auth(item):
            continue
        written_by_module = item.section == "draft" or (
            (item.section, item.key) == ("developer", "cuda_malloc_backend")
        )
        if not (nixos and written_by_module and item.origin.layer != "environment"):
            yield item


def name_of(item: Ignored) -> str:
    """`section.key`, or the section."""
    return f"{item.section}.{item.key}" if item.key else item.section
