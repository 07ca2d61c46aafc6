"""The plug-in manager: entry points of the group `tabbydoctor`, the built-in checks included."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import chain
from typing import Any

import pluggy

from tabbydoctor import builtin, hookspecs
from tabbydoctor.diagnosis.check import Check
from tabbydoctor.facts import Gatherer
from tabbydoctor.reports import Reporter
from tabbydoctor.routers.kind import RouterKind
from tabbydoctor.routers.kinds import RouterKinds

GROUP = "tabbydoctor"


class PluginError(Exception):
    """A plug-in that cannot be used; the message names it and why."""


@cache
def manager() -> pluggy.PluginManager:
    """Every plug-in, loaded once. Raises PluginError."""
    plugins = pluggy.PluginManager(GROUP)
    plugins.add_hookspecs(hookspecs)
    plugins.register(builtin, name="tabbydoctor")
    try:
        plugins.load_setuptools_entrypoints(GROUP)
    except Exception as error:
        raise PluginError(f"a plug-in cannot be loaded: {error}") from error
    return plugins


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


@cache
def router_kinds() -> RouterKinds:
    """All kinds of router, the built-in ones first. Raises PluginError where two share a name."""
    found: dict[str, RouterKind] = {}
    for kind in _all("tabbydoctor_routers"):
        if kind.name in found:
            raise PluginError(f"two kinds of router have the name {kind.name}")
        found[kind.name] = kind
    return RouterKinds(tuple(found.values()))


def gatherers() -> tuple[Gatherer, ...]:
    """All gatherers of facts."""
    return tuple(_all("tabbydoctor_facts"))


def origin(check: Check) -> str | None:
    """The distribution that brought a check; None for a built-in one."""
    for plugin, distribution in manager().list_plugin_distinfo():
        hook = getattr(plugin, "tabbydoctor_checks", None)
        if distribution.project_name != "tabbydoctor" and hook and check in hook():
            return str(distribution.project_name)
    return None


def _all(hook: str) -> Iterable[Any]:
    # pluggy calls the last registered first; built-in parts are to come first.
    return chain.from_iterable(reversed(getattr(manager().hook, hook)()))
