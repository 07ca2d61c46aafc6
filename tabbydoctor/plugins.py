"""The plug-in manager: entry points of the group `tabbydoctor`, the built-in checks included."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from itertools import chain
from operator import attrgetter
from typing import Any

import pluggy

from tabbydoctor import builtin, hookspecs
from tabbydoctor.diagnosis.check import Check
from tabbydoctor.entries import GROUP, OWN, EntryPoint, entries
from tabbydoctor.facts import Deferred, Gatherer
from tabbydoctor.reports import Reporter
from tabbydoctor.routers.kinds import RouterKinds


class PluginError(Exception):
    """A plug-in that cannot be used; the message names it and why."""


@cache
def manager() -> pluggy.PluginManager:
    """Every plug-in, loaded once. Raises PluginError."""
    plugins = pluggy.PluginManager(GROUP)
    plugins.add_hookspecs(hookspecs)
    plugins.register(builtin, name="tabbydoctor")
    for entry in entries():
        if plugins.get_plugin(entry.name) is None:
            try:
                plugins.register(_loaded(entry), name=entry.name)
            except Exception as error:
                raise PluginError(f"a plug-in cannot be loaded: {error}") from error
    return plugins


def _loaded(entry: EntryPoint) -> Any:
    module, _, attribute = entry.value.partition(":")
    found = import_module(module.strip())
    return attrgetter(attribute.strip())(found) if attribute else found


@cache
def checks() -> tuple[Check, ...]:
    """All checks in the order of their ids. Raises PluginError where two share an id."""
    found: dict[str, Check] = {}
    for check in _all("tabbydoctor_checks"):
        if check.id in found:
            raise PluginError(
                f"two checks have the id {check.id}: {found[check.id].name}, {check.name}"
            )
        found[check.id] = check
    return tuple(found[id] for id in sorted(found))


def reporters() -> tuple[Reporter, ...]:
    """All output formats."""
    return tuple(_all("tabbydoctor_reporters"))


def router_kinds() -> RouterKinds:
    """All kinds of router, the built-in ones first. Raises PluginError where two share a name."""
    found = {}
    for kind in _all("tabbydoctor_routers"):
        if kind.name in found:
            raise PluginError(f"two kinds of router have the name {kind.name}")
        found[kind.name] = kind
    return RouterKinds(tuple(found.values()))


def gatherers() -> tuple[Gatherer, ...]:
    """All gatherers of facts; what kinds of router there are is one, too."""
    kinds = Deferred(f"{__name__}:router_kinds", {}, "tabbydoctor.routers.kinds:RouterKinds")
    return (kinds, *_all("tabbydoctor_facts"))


def origin(check: Check) -> str | None:
    """The distribution that brought a check; None for a built-in one."""
    for entry in entries():
        hook = getattr(manager().get_plugin(entry.name), "tabbydoctor_checks", None)
        if entry.distribution != OWN and hook and check in hook():
            return entry.distribution
    return None


def _all(hook: str) -> Iterable[Any]:
    # pluggy calls the last registered first; built-in parts are to come first.
    return chain.from_iterable(reversed(getattr(manager().hook, hook)()))
