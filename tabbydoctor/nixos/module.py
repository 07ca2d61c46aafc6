"""A deployment by the NixOS module, as its unit shows it, and where its options were written."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tabbydoctor.deployment.nixos import STORE, from_store
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.facts import Absent
from tabbydoctor.host import Host
from tabbydoctor.tabbyapi.config import EffectiveConfig

_RUNNING = "/run/current-system/configuration.nix"
"""There with `system.copySystemConfiguration`."""
_DIRECTORY = "/etc/nixos"
_COMMENT = re.compile(r"/\*.*?\*/|#[^\n]*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the machine's configuration that speaks of TabbyAPI."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class NixModule:
    """TabbyAPI as the NixOS module sets it up."""

    unit: Unit
    data_dir: str
    config: str
    """The generated file: written anew at each start."""
    sources: tuple[Source, ...] = ()
    """What could be read of the configuration; a flake may stand anywhere."""

    @property
    def source(self) -> str:
        """The file to edit."""
        return self.sources[0].path if self.sources else f"{_DIRECTORY}/configuration.nix"

    def generated(self, config: EffectiveConfig) -> Mapping[str, Any]:
        """What the generated file holds."""
        files = (file.data for file in config.files if file.path == self.config)
        return next(files, {})


def nix_module(host: Host, instance: Instance) -> NixModule:
    """The deployment. Raises Absent where the module does not run it.

    Told by the unit: it or its program is in the store, `--config` is below its working
    directory as the module has it, and a script of the store writes that file before each start.
    """
    unit = instance.unit
    if unit is None or not from_store(unit):
        raise Absent("no NixOS deployment")
    config = f"{instance.directory.rstrip('/')}/config/config.yml"
    if config not in _given_config(instance) or STORE not in unit.get("ExecStartPre"):
        raise Absent("not the NixOS module's unit")
    return NixModule(unit, instance.directory, config, tuple(_sources(host)))


def _given_config(instance: Instance) -> list[str]:
    """What stands after `--config`."""
    words = instance.arguments
    given = [word for flag, word in itertools.pairwise(words) if flag == "--config"]
    return given + [word.removeprefix("--config=") for word in words if "--config=" in word]


def _sources(host: Host) -> Iterator[Source]:
    """The main file first."""
    paths = [f"{_DIRECTORY}/{name}" for name in _names(host) if name.endswith(".nix")]
    paths.sort(key=lambda path: not path.endswith("/configuration.nix"))
    for path in (*paths, _RUNNING):
        try:
            text = host.read(path).text()
        except OSError:
            continue
        if "tabbyapi" in text:
            yield Source(path, _COMMENT.sub(_blank, text))


def _names(host: Host) -> list[str]:
    try:
        return list(host.names(_DIRECTORY))
    except OSError:
        return []


def _blank(comment: re.Match[str]) -> str:
    """As many lines, nothing on them."""
    return "\n" * comment[0].count("\n")


GATHERERS = (nix_module,)
