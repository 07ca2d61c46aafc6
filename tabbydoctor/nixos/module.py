"""A deployment by the NixOS module, as its unit shows it, and where its options were written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tabbydoctor.deployment.nix_pre_start import stored_config
from tabbydoctor.deployment.nix_wrapper import shadows
from tabbydoctor.deployment.nixos import generated_config, temporary_config
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.facts import Absent
from tabbydoctor.host import FileContent, Host
from tabbydoctor.invocation import invocation
from tabbydoctor.nixos.hand_edits import content, edits
from tabbydoctor.nixos.key_lines import WantedKeys
from tabbydoctor.records import dataclass, field

_RUNNING = "/run/current-system/configuration.nix"
"""There with `system.copySystemConfiguration`."""
_DIRECTORY = "/etc/nixos"
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|#[^\n]*", re.DOTALL)


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
    """What the generated file holds at the next start, or held at the last where that cannot be
    told; nothing before the first."""
    stored: str | None = None
    """The file of the store that each start copies over it, where it can be read."""
    edits: WantedKeys | None = field(default_factory=dict)
    """What somebody has changed in it since NixOS wrote it: no start reads that. None where it
    holds no configuration any more."""
    temporary: str | None = None
    """The copy of it that TabbyAPI is started on by `fix --temporary`, while that is in force."""
    shadows: tuple[str, ...] = ()
    """What stands in data_dir and is imported in place of the package."""

    @property
    def source(self) -> str:
        """The file to edit."""
        return self.sources[0].path if self.sources else f"{_DIRECTORY}/configuration.nix"


def taken_back(copy: str | None, lines: Iterable[str]) -> tuple[str, ...]:
    """What comes before a rebuild: on the copy of a temporary repair no option counts."""
    options = any(line.startswith("services.tabbyapi.") for line in lines)
    return (invocation("undo", root=True),) if copy and options else ()


def nix_module(host: Host, instance: Instance) -> NixModule:
    """The deployment. Raises Absent where the module does not run it."""
    unit, config = instance.unit, generated_config(instance)
    if unit is None or config is None:
        raise Absent("not the NixOS module's unit")
    path = stored_config(host, instance)
    copy, stored = _file(host, config), _file(host, path) if path else None
    return NixModule(
        unit,
        instance.directory,
        config,
        sources=tuple(_sources(host)),
        generated=content(stored) or content(copy),
        stored=path if stored else None,
        edits=edits(instance, copy, stored),
        temporary=temporary_config(instance),
        shadows=shadows(host, instance.directory),
    )


def _file(host: Host, path: str) -> FileContent | None:
    try:
        return host.read(path)
    except OSError:
        return None


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
