"""What comes with the doctor, in one visible table: where facts are gathered, output formats."""

from __future__ import annotations

import json
import posixpath
from typing import TYPE_CHECKING

from tabbydoctor.facts import Deferred
from tabbydoctor.hookspecs import hookimpl

if TYPE_CHECKING:
    from tabbydoctor.facts import Gatherer
    from tabbydoctor.reports import Reporter
    from tabbydoctor.routers.kind import RouterKind
    from tabbydoctor.routers.kinds import ListedKind

INDEX = posixpath.join(posixpath.dirname(__file__), "gatherers.json")
"""What is gathered in ROOMS, and from which facts; `python -m tests.index` makes it from them."""

# Modules with a tuple GATHERERS, nearest to the machine first.
ROOMS = (
    "tabbydoctor.deployment.machine",
    "tabbydoctor.deployment.units",
    "tabbydoctor.deployment.discovery",
    "tabbydoctor.deployment.program",
    "tabbydoctor.deployment.people",
    "tabbydoctor.deployment.disk_room",
    "tabbydoctor.deployment.log_directory",
    "tabbydoctor.deployment.container_labels",
    "tabbydoctor.deployment.device_rules",
    "tabbydoctor.front.standing",
    "tabbydoctor.routers.site.finding",
    "tabbydoctor.routers.inputs",
    "tabbydoctor.routers.unread",
    "tabbydoctor.routers.judged",
    "tabbydoctor.routers.staleness",
    "tabbydoctor.routers.reach",
    "tabbydoctor.routers.site.keys",
    "tabbydoctor.routers.witness",
    "tabbydoctor.routers.refusals",
    "tabbydoctor.routers.site.health",
    "tabbydoctor.routers.model_names",
    "tabbydoctor.tabbyapi.installed",
    "tabbydoctor.tabbyapi.extras",
    "tabbydoctor.tabbyapi.layers",
    "tabbydoctor.tabbyapi.model_files",
    "tabbydoctor.tabbyapi.model_weights",
    "tabbydoctor.tabbyapi.misnamed",
    "tabbydoctor.tabbyapi.model_overrides",
    "tabbydoctor.tabbyapi.sandbox_needs",
    "tabbydoctor.tabbyapi.token_paths",
    "tabbydoctor.tabbyapi.tokens_reading",
    "tabbydoctor.tabbyapi.contained_files",
    "tabbydoctor.tabbyapi.log_reading",
    "tabbydoctor.tabbyapi.log_holdings",
    "tabbydoctor.tabbyapi.lost_program",
    "tabbydoctor.tabbyapi.run_start",
    "tabbydoctor.tabbyapi.addressing",
    "tabbydoctor.tabbyapi.probing",
    "tabbydoctor.described.reading",
    "tabbydoctor.described.server",
    "tabbydoctor.nixos.module",
    "tabbydoctor.gpu.torch",
    "tabbydoctor.gpu.architectures",
    "tabbydoctor.gpu.triton_build",
    "tabbydoctor.gpu.need",
    "tabbydoctor.gpu.service_groups",
    "tabbydoctor.gpu.kernel_log",
    "tabbydoctor.gpu.driver",
    "tabbydoctor.gpu.cuda_use",
    "tabbydoctor.gpu.cuda_library",
    "tabbydoctor.gpu.backend",
    "tabbydoctor.gpu.estimated_model",
    "tabbydoctor.gpu.estimate",
    "tabbydoctor.gpu.memory_room",
    "tabbydoctor.gpu.usable_room",
)


@hookimpl
def tabbydoctor_facts() -> list[Gatherer]:
    """Every gatherer; none is imported before its fact is asked for."""
    with open(INDEX, encoding="utf-8") as index:
        return [
            Deferred(name, {part: tuple(need) for part, need in entry["needs"].items()}, kind)
            for kind, entry in json.load(index).items()
            for name in (entry["gatherer"],)
        ]


@hookimpl
def tabbydoctor_routers() -> list[RouterKind | ListedKind]:
    """The kinds of router that can be read; none is imported before a file is shown to it."""
    from tabbydoctor.routers.kinds import BUILT_IN

    return list(BUILT_IN.listed)


@hookimpl
def tabbydoctor_reporters() -> list[Reporter]:
    """The output formats."""
    from tabbydoctor.reports.formats import REPORTERS
    from tabbydoctor.reports.json_report import JsonReporter
    from tabbydoctor.reports.terminal import TerminalReporter

    return [TerminalReporter(), JsonReporter(), *REPORTERS]
