"""The plug-in hooks, all of them. Built-in parts come in through the same ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from tabbydoctor.diagnosis.check import Check
    from tabbydoctor.facts import Gatherer
    from tabbydoctor.reports import Reporter
    from tabbydoctor.routers.kind import RouterKind

hookspec = pluggy.HookspecMarker("tabbydoctor")
hookimpl = pluggy.HookimplMarker("tabbydoctor")


@hookspec
def tabbydoctor_checks() -> Iterable[Check]:  # type: ignore[empty-body]
    """Checks to run, made with `tabbydoctor.api.check`."""


@hookspec
def tabbydoctor_facts() -> Iterable[Gatherer]:  # type: ignore[empty-body]
    """Gatherers of further kinds of facts (see `tabbydoctor.facts`)."""


@hookspec
def tabbydoctor_routers() -> Iterable[RouterKind]:  # type: ignore[empty-body]
    """Kinds of router that can be read, and given the key (see `tabbydoctor.routers.kind`)."""


@hookspec
def tabbydoctor_reporters() -> Iterable[Reporter]:  # type: ignore[empty-body]
    """Output formats of `check`."""
