"""The options every command shares: the targets, the settings file, the state directory."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_type_hints

from tabbydoctor.cli.errors import CommandError
from tabbydoctor.cli.option import option
from tabbydoctor.cli.settings import Settings, load_settings
from tabbydoctor.records import dataclass, fields
from tabbydoctor.reports.color import Color, coloring
from tabbydoctor.targets import Targets

PREFIX = "TABBYDOCTOR_"


TARGETS_PANEL = "Options that name the deployment, which is found without them"
_TARGETS: Mapping[str, tuple[str, str]] = {
    "dir": ("DIR", "TabbyAPI's working directory."),
    "config": ("FILE", "The configuration file TabbyAPI is started with (its --config)."),
    "tokens": ("FILE", "TabbyAPI's api_tokens.yml."),
    "unit": ("UNIT", "TabbyAPI's systemd unit."),
    "user_unit": ("UNIT", "TabbyAPI's unit in a user's own systemd."),
    "user": ("USER", "The account TabbyAPI runs as."),
    "url": ("URL", "Where TabbyAPI answers, for example http://127.0.0.1:5000."),
    "router": ("FILE", "The router's source or configuration file."),
    "router_unit": ("UNIT", "The router's systemd unit."),
    "settings": (
        "FILE",
        "A TOML file with any of these (default: the user's, then /etc/tabbydoctor).",
    ),
    "state_dir": ("DIR", "Where changes are recorded."),
}
"""Name -> what its value is, and what it names."""
TARGET_OPTIONS = frozenset(f"--{name.replace('_', '-')}" for name in _TARGETS)
"""The shared options as they are written."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the operator gave, by option, environment variable or settings file."""

    targets: Targets
    state_dir: str | None = None


def with_targets(command: Callable[..., int | None]) -> Callable[..., int | None]:
    """Give a command the shared options; it receives them as `given: Given`."""
    own = inspect.signature(command)
    hints = get_type_hints(command, include_extras=True)
    kept = [
        parameter.replace(annotation=hints[parameter.name])
        for parameter in own.parameters.values()
        if parameter.name != "given"
    ]

    @functools.wraps(command)
    def wrapped(**arguments: Any) -> int | None:
        options = {name: arguments.pop(name) for name in _TARGETS}
        with coloring(arguments.pop("color")):
            return command(given=resolve(options, os.environ), **arguments)

    shared = [
        _shared("color", Color, "auto|always|never", "Colour in text.", Color.AUTO),
        *(_shared(name, str | None, *words, None) for name, words in _TARGETS.items()),
    ]
    wrapped.__signature__ = own.replace(parameters=[*kept, *shared])  # type: ignore[attr-defined]
    wrapped.__annotations__ = {
        **{parameter.name: parameter.annotation for parameter in (*kept, *shared)},
        "return": int | None,
    }
    return wrapped


def _shared(name: str, kind: object, metavar: str, help: str, default: object) -> inspect.Parameter:
    described = option(
        f"--{name.replace('_', '-')}",
        metavar=metavar,
        help=help,
        panel=TARGETS_PANEL if name in _TARGETS else None,
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, described],
    )


def resolve(options: Mapping[str, str | None], environment: Mapping[str, str]) -> Given:
    """Option before environment variable before settings file. Raises CommandError."""
    settings = load_settings(
        options.get("settings") or environment.get(f"{PREFIX}SETTINGS") or None, environment
    )
    values: dict[str, str] = {}
    sources: dict[str, str] = {}
    for name in _TARGETS:
        value, source = _first(name, options, environment, settings)
        if value is not None:
            values[name], sources[name] = value, source
    targets = Targets(
        **{field.name: values[field.name] for field in fields(Targets) if field.name in values},
        given_by=tuple(sources.items()),
    )
    _validate(targets)
    return Given(targets, values.get("state_dir"))


def _first(
    name: str, options: Mapping[str, str | None], environment: Mapping[str, str], settings: Settings
) -> tuple[str | None, str]:
    variable = f"{PREFIX}{name.upper()}"
    if options.get(name) is not None:
        return options[name], f"--{name.replace('_', '-')}"
    if environment.get(variable):
        return environment[variable], variable
    return settings.values.get(name), settings.path


def _validate(targets: Targets) -> None:
    for field in fields(Targets):
        value = getattr(targets, field.name)
        if isinstance(value, str) and (not value or "\0" in value):
            raise CommandError(f"{targets.source(field.name)}: {value!r} is no name or path")
    if targets.url and not targets.url.startswith(("http://", "https://")):
        raise CommandError(
            f"{targets.source('url')}: {targets.url!r} is no http:// or https:// address",
            hint="for example --url http://127.0.0.1:5000",
        )
    if targets.unit and targets.user_unit:
        raise CommandError(
            "--unit and --user-unit exclude each other",
            hint="--unit names a unit of the system, --user-unit one of a user's own systemd",
        )
