"""How the stand-in gets its configuration.

`./config.yml` < `TABBY_<SECTION>_<KEY>` < (`--config FILE`, or else the command line), merged
key by key and then validated, as TabbyAPI's common/tabby_config.py and common/args.py do.
"""

import argparse
import os
import types
import typing
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from .logbook import Logbook

CONFIG_FILE = Path("config.yml")
_UNREADABLE = (YAMLError, OSError, ValueError, AttributeError, TypeError, KeyError)
_PREAMBLE = "# Sample YAML file for configuration.\n# Every value has a default.\n\n"


class Configuration:
    """Reads the layers for one release's model."""

    def __init__(self, model: Any, log: Logbook) -> None:
        self._model = model
        self._log = log
        # One for all files, as the real server has: a %YAML directive outlives its file.
        self._yaml = YAML()
        self._sections: dict[str, list[str]] = {
            name: list(_section(field.annotation).model_fields)
            for name, field in model.model_fields.items()
        }

    def load(self, arguments: list[str]) -> Any:
        """The validated configuration.

        Raises pydantic.ValidationError for a refused value, AttributeError where a file's
        document is no mapping, SystemExit(2) for a wrong command line.
        """
        given = self._command_line(arguments)
        environment = self._environment()
        top = self._chosen(given)
        layers = (self._file(CONFIG_FILE), environment, top)
        return self._model.model_validate(_merged([_without_nulls(layer) for layer in layers]))

    def _command_line(self, arguments: list[str]) -> dict[str, dict[str, Any]]:
        parser = argparse.ArgumentParser(prog="main.py", description="TabbyAPI server")
        for name, keys in self._sections.items():
            fields = _section(self._model.model_fields[name].annotation).model_fields
            group = parser.add_argument_group(name)
            for key in keys:
                many = _is_list(fields[key].annotation)
                group.add_argument(f"--{key.replace('_', '-')}", nargs="+" if many else None)
        values = {k: v for k, v in vars(parser.parse_args(arguments)).items() if v is not None}
        return {
            name: {key: values[key] for key in keys if key in values}
            for name, keys in self._sections.items()
        }

    def _environment(self) -> dict[str, dict[str, str]]:
        """Every section is present, even empty: a broken section of config.yml gives way to it."""
        return {
            name: {
                key: os.environ[variable]
                for key in keys
                if (variable := f"TABBY_{name}_{key}".upper()) in os.environ
            }
            for name, keys in self._sections.items()
        }

    def _chosen(self, given: dict[str, dict[str, Any]]) -> Any:
        override = given["config"].get("config")
        if override:
            self._log.info("Config file override detected in args.")
            return self._file(Path(override))
        return {name: values for name, values in given.items() if values}

    def _file(self, path: Path) -> Any:
        document: Any = {}
        legacy = False
        try:
            with path.resolve().open(encoding="utf8") as file:
                document = self._yaml.load(file)
            legacy = _modernised(document)
        except FileNotFoundError:
            self._log.info(f"The '{path.name}' file cannot be found")
        except _UNREADABLE as error:
            self._log.error(
                f"The YAML config from '{path.name}' couldn't load because of "
                f"the following error:\n\n{error}"
            )
        if legacy:
            return self._migrated(path, document)
        return {} if document is None else document

    def _migrated(self, path: Path, document: Any) -> Any:
        self._log.warning("Legacy config.yml file detected. Attempting auto-migration.")
        config = self._model.model_validate(document)
        backup = Path(f"{path}.bak")
        try:
            path.rename(backup)
            with path.open("w", encoding="utf8") as file:
                file.write(_PREAMBLE)
                self._yaml.dump(config.model_dump(exclude={"config"}, exclude_none=False), file)
        except OSError as error:
            self._log.error(f"Auto-migration failed because of: {error}\n\nReverted all changes.")
            path.unlink(missing_ok=True)
            backup.rename(path)
            self._log.warning("Starting with no config loaded.")
            return {}
        self._log.info(
            'Auto-migration successful. The old configuration is stored in "config.yml.bak".'
        )
        return document


def _modernised(document: Any) -> bool:
    """Move the keys of before September 2024 to where they live now; whether there were any."""
    legacy = False
    model = _or_empty(document.get("model"))
    for old, new in (("draft", "draft_model"), ("lora", "lora")):
        if model.get(old):
            legacy = True
            document[new] = model[old]
    logging = _or_empty(document.get("logging"))
    for key in [key for key in logging.keys() if not key.startswith("log_")]:  # noqa: SIM118 - a list must fail here
        legacy = True
        logging[f"log_{key}"] = logging.pop(key)
    return legacy


def _or_empty(value: Any) -> Any:
    return {} if value is None else value


def _section(annotation: Any) -> Any:
    return next(kind for kind in typing.get_args(annotation) if kind is not types.NoneType)


def _is_list(annotation: Any) -> bool:
    return typing.get_origin(annotation) is list or any(
        _is_list(inner) for inner in typing.get_args(annotation)
    )


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value if item is not None]
    return value


def _merged(layers: list[Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for layer in layers:
        _merge(result, layer)
    return result


def _merge(into: dict[str, Any], layer: Any) -> None:
    for key, value in layer.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
