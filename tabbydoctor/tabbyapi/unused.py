"""What is written in the configuration and that TabbyAPI does not use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.tabbyapi.arguments import CommandLine
from tabbydoctor.tabbyapi.config import ConfigFile, Ignored
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.keys import ConfigKey
from tabbydoctor.tabbyapi.origins import Layer, argument_origin, variable_name, variable_origin

_OTHER_VARIABLES = frozenset(
    {"TABBY_LOG_CONSOLE_WIDTH", "TABBY_LOG_LEVEL", "TABBY_CONFIG_DIRECTORY", "TABBY_PLUGINS"}
)
"""TabbyAPI's own logger reads the first two; the terminal named Tabby sets the others."""


def unused_values(
    layers: Iterable[Layer], files: tuple[ConfigFile, ...], installation: Installation
) -> Iterator[Ignored]:
    moved = {path for file in files for path, _ in file.legacy}
    for layer in layers:
        for section, content in layer.document.items():
            if content is None:
                continue
            if section not in installation.sections:
                origin = layer.origin((str(section),))
                yield Ignored(str(section), None, content, origin, "unknown-section")
            elif isinstance(content, dict):
                yield from _unused_keys(layer, section, content, installation, moved)
            elif layer.kind == "working-directory":
                origin = layer.origin((section,))
                yield Ignored(section, None, content, origin, "section-not-mapping")


def _unused_keys(
    layer: Layer,
    section: str,
    content: Mapping[Any, Any],
    installation: Installation,
    moved: set[str],
) -> Iterator[Ignored]:
    for key, value in content.items():
        name = str(key)
        if value is None or installation.knows(section, name) or f"{section}.{name}" in moved:
            continue
        yield Ignored(section, name, value, layer.origin((section, name)), "unknown-key")


def unused_variables(
    instance: Instance, keys: Mapping[tuple[str, str], ConfigKey]
) -> Iterator[Ignored]:
    """`TABBY_…` variables that match no key; their values stay untold."""
    known = {variable_name(path) for path in keys} | _OTHER_VARIABLES
    sections = sorted({section for section, _ in keys}, key=len, reverse=True)
    for name in instance.environment:
        if name in known or not name.upper().startswith("TABBY_"):
            continue
        rest = name[len("TABBY_") :].lower()
        section = next((s for s in sections if rest.startswith(f"{s}_")), None)
        origin = variable_origin(instance, name)
        if section is None:
            yield Ignored(rest, None, None, origin, "unknown-section")
        else:
            yield Ignored(section, rest[len(section) + 1 :], None, origin, "unknown-key")


def ignored_arguments(instance: Instance, line: CommandLine) -> Iterator[Ignored]:
    for (section, key), value in line.values.items():
        origin = argument_origin(instance, key)
        yield Ignored(section, key, value, origin, "arguments-ignored")
