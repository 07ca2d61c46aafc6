"""Computes the effective configuration: the layers, how they merge, and where each value is from.

`./config.yml` < `TABBY_<SECTION>_<KEY>` < (`--config FILE`, or else arguments), as in TabbyAPI's
`common/tabby_config.py`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.reader import eyes, reader
from tabbydoctor.facts import Unknown
from tabbydoctor.host import Host
from tabbydoctor.records import replace
from tabbydoctor.tabbyapi.arguments import CommandLine, known_keys, parse
from tabbydoctor.tabbyapi.config import (
    ConfigFile,
    EffectiveConfig,
    Ignored,
    Invalid,
    Origin,
    Setting,
)
from tabbydoctor.tabbyapi.config_files import at_next_start, read_config
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.keys import ConfigKey
from tabbydoctor.tabbyapi.migration import migrate, old_path
from tabbydoctor.tabbyapi.origins import (
    Layer,
    argument_origin,
    file_origin,
    variable_name,
    variable_origin,
)
from tabbydoctor.tabbyapi.unused import ignored_arguments, unused_values, unused_variables
from tabbydoctor.tabbyapi.values import Refused, coerced
from tabbydoctor.targets import Targets

_OWN = "config.yml"


def effective_config(
    host: Host, instance: Instance, installation: Installation, targets: Targets
) -> EffectiveConfig:
    """What TabbyAPI computes from its files, environment and arguments.

    Raises Unknown where a file may not be read, inside a container as an account that is not root.
    """
    box = instance.contained
    shown = box is not None and (host.effective_uid() == 0 or (box.closed and box.sees(_OWN)))
    hidden = instance.container and not shown and not (box and box.ended)
    if hidden and targets.dir is None and targets.config is None:
        inside = f"TabbyAPI runs in {instance.container}: its files are seen by root"
        raise Unknown(f"{inside} (use sudo); or name what is mounted with --dir or --config")
    if box and box.ended and not box.sees(_OWN) and targets.config is None:
        raise Unknown(
            f"{box.label} does not run, and its {_OWN} is not mounted: name one (--config)"
        )
    line = parse(instance.arguments, installation, _through_start_script(instance))
    override = _config_path(host, instance, line, targets)
    if box and box.closed and override and override.startswith(f"{box.root}/"):
        raise Unknown(f"{box.label} reads {box.inside(override)}: name it with --config")
    files = tuple(_files(host, instance, override, targets.config))
    layers = [_file_layer(file) for file in files]
    layers.insert(_lower(files), _environment_layer(instance, installation))
    ignored: list[Ignored] = []
    if override is None:
        layers.append(_argument_layer(instance, line))
    else:
        ignored.extend(ignored_arguments(instance, line))
    return _combined(instance, installation, files, layers, ignored, line, override)


def _combined(
    instance: Instance,
    installation: Installation,
    files: tuple[ConfigFile, ...],
    layers: list[Layer],
    ignored: list[Ignored],
    line: CommandLine,
    override: str | None,
) -> EffectiveConfig:
    keys = known_keys(installation)
    merged: dict[Any, Any] = {}
    for layer in layers:
        _merge(merged, _without_nulls(layer.document))
    invalid: list[Invalid] = []
    settings = {}
    for path, key in keys.items():
        value, origins = _value(merged, path, key), list(_origins(layers, path))
        try:
            result = coerced(key, value) if origins else value
        except Refused as refusal:
            if installation.validates:
                invalid.append(Invalid(*path, str(refusal), origins[0][0], origins[0][1]))
            result = value
        settings[path] = _setting(path, result, origins)
    invalid.extend(_broken_sections(layers[-1], installation))
    ignored.extend(unused_values(layers, files, installation))
    if installation.migrates is False:
        files = tuple(replace(file, legacy=(), applies_partly=False) for file in files)
    for file in files:
        seen = {(problem.section, problem.key) for problem in invalid}
        found = _migration_problems(file, keys)
        invalid.extend(item for item in found if (item.section, item.key) not in seen)
    ignored.extend(unused_variables(instance, keys))
    return EffectiveConfig(
        instance.directory,
        settings,
        files,
        tuple(ignored),
        tuple(invalid),
        line.error,
        files[-1].path if override else None,
    )


# -- the sources -------------------------------------------------------------------------------


def _through_start_script(instance: Instance) -> bool:
    words = (*(instance.process.argv if instance.process else ()),)
    words += instance.unit.command if instance.unit else ()
    return any(posixpath.basename(word) in ("start.py", "start.sh") for word in words)


def _config_path(host: Host, instance: Instance, line: CommandLine, targets: Targets) -> str | None:
    """The absolute path of the `--config` file: the user's, or the command line's."""
    given = targets.config
    own = instance.path(_OWN)
    if given is not None and host.real_path(given) == host.real_path(own):
        given = None
    if given is not None and not given.startswith("/"):
        given = host.real_path(given)
    if given is not None:
        return posixpath.normpath(given)
    return instance.path(line.config) if line.config else None


def _files(
    host: Host, instance: Instance, override: str | None, named: str | None
) -> Iterator[ConfigFile]:
    """The files TabbyAPI reads, the weaker first; one named twice counts as `--config`."""
    own = instance.path(_OWN)
    if override is None or host.real_path(override) != host.real_path(own):
        seen = eyes(host, instance)
        found = read_config(seen, own, "working-directory", reader(host, instance))
        yield replace(found, path=instance.outside(own))
    if override is not None:
        seen = host if named else eyes(host, instance)
        given = read_config(seen, override, "config-file", reader(host, instance))
        given = replace(given, path=override if named else instance.outside(override))
        yield at_next_start(host, instance, given)


def _lower(files: tuple[ConfigFile, ...]) -> int:
    """How many files are weaker than the environment."""
    return sum(file.role == "working-directory" for file in files)


def _file_layer(file: ConfigFile) -> Layer:
    migration = migrate(file.data)
    return Layer(
        file.role,
        migration.document,
        lambda path: file_origin(file, old_path(migration.moved, path)),
    )


def _environment_layer(instance: Instance, installation: Installation) -> Layer:
    """Every section is there, even empty: a broken section of ./config.yml gives way to it."""
    document: dict[str, dict[str, str]] = {section: {} for section in installation.sections}
    for section, key in known_keys(installation):
        value = instance.environment.get(variable_name((section, key)))
        if value is not None:
            document[section][key] = value
    return Layer(
        "environment", document, lambda path: variable_origin(instance, variable_name(path))
    )


def _argument_layer(instance: Instance, line: CommandLine) -> Layer:
    document: dict[str, dict[str, Any]] = {}
    for (section, key), value in line.values.items():
        document.setdefault(section, {})[key] = value
    return Layer("argument", document, lambda path: argument_origin(instance, path[-1]))


# -- merging -----------------------------------------------------------------------------------


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value if item is not None]
    return value


def _merge(into: dict[Any, Any], layer: Mapping[Any, Any]) -> None:
    for key, value in layer.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _value(merged: Mapping[Any, Any], path: tuple[str, str], key: ConfigKey) -> Any:
    section = merged.get(path[0])
    return section.get(path[1], key.default) if isinstance(section, dict) else key.default


def _origins(layers: list[Layer], path: tuple[str, str]) -> Iterator[tuple[Origin, Any]]:
    """Where a value is written, the strongest first."""
    for layer in reversed(layers):
        section = layer.document.get(path[0])
        if isinstance(section, dict) and section.get(path[1]) is not None:
            yield layer.origin(path), section[path[1]]


def _setting(path: tuple[str, str], value: Any, origins: list[tuple[Origin, Any]]) -> Setting:
    if not origins:
        return Setting(*path, value, Origin("default", "default"))
    origin, raw = origins[0]
    return Setting(*path, value, origin, raw, tuple(origins[1:]))


# -- what is refused ---------------------------------------------------------------------------


def _migration_problems(
    file: ConfigFile, keys: Mapping[tuple[str, str], ConfigKey]
) -> list[Invalid]:
    """What stops the migration of an old file: it is validated alone, nulls included."""
    if not file.legacy:
        return []
    layer = _file_layer(file)
    found = []
    for path, key in keys.items():
        section = layer.document.get(path[0])
        if isinstance(section, dict) and path[1] in section:
            try:
                coerced(key, section[path[1]])
            except Refused as refusal:
                found.append(Invalid(*path, str(refusal), layer.origin(path), section[path[1]]))
    for name in dict.fromkeys(section for section, _ in keys):
        if not isinstance(layer.document.get(name), dict | None):
            found.append(Invalid(name, None, "a mapping of keys", layer.origin((name,))))
    return found


def _broken_sections(strongest: Layer, installation: Installation) -> Iterator[Invalid]:
    """Sections of the `--config` file that are no mappings: TabbyAPI exits 1.

    In weaker files they give way to the environment's sections.
    """
    for name in (*installation.sections, "config"):
        value = strongest.document.get(name)
        if not isinstance(value, dict | None):
            origin = strongest.origin((name,))
            yield Invalid(name, None, "a mapping of keys", origin, value)


GATHERERS = (effective_config,)
