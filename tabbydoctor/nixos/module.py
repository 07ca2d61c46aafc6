"""A deployment by the NixOS module, as its unit shows it, and where its options were written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tabbydoctor.deployment.nix_wrapper import shadows
from tabbydoctor.deployment.nixos import generated_config, given_config, temporary_copy
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.facts import Absent
from tabbydoctor.host import Host
from tabbydoctor.tabbyapi.yaml_reading import read_document

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
    generated: Mapping[str, Any] = field(default_factory=dict)
    """What the generated file holds; nothing before the first start."""
    temporary: str | None = None
    """The copy of it that TabbyAPI is started on by `fix --temporary`, while that is in force."""
    shadows: tuple[str, ...] = ()
    """What stands in data_dir and is imported in place of the package."""

    @property
    def source(self) -> str:
        """The file to edit."""
        return self.sources[0].path if self.sources else f"{_DIRECTORY}/configuration.nix"


def nix_module(host: Host, instance: Instance) -> NixModule:
    """The deployment. Raises Absent where the module does not run it."""
    unit, config = instance.unit, generated_config(instance)
    if unit is None or config is None:
        raise Absent("not the NixOS module's unit")
    ours = temporary_copy(config)
    return NixModule(
        unit,
        instance.directory,
        config,
        tuple(_sources(host)),
        _content(host, config),
        ours if ours in given_config(instance) else None,
        shadows(host, instance.directory),
    )


def _content(host: Host, path: str) -> Mapping[str, Any]:
    try:
        document = read_document(host.read(path).data)
    except OSError:
        return {}
    return document.data if isinstance(document.data, dict) else {}


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
