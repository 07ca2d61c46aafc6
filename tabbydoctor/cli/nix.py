"""`tabbydoctor nix`: a config.yml as options of the NixOS module, and the other way."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from tabbydoctor.cli.errors import CommandError
from tabbydoctor.cli.format_option import Format, FormatOption
from tabbydoctor.cli.help import HelpfulCommand, HelpfulGroup
from tabbydoctor.cli.options import Given, with_targets
from tabbydoctor.cli.showing import fact, show_text
from tabbydoctor.reports.leaving import leaving
from tabbydoctor.reports.visible import visible_json

app = typer.Typer(
    cls=HelpfulGroup,
    help="Say a config.yml in options of the NixOS module, and the other way.",
    rich_markup_mode=None,
)

_HOW = "nix eval --json .#nixosConfigurations.<host>.config.services.tabbyapi"


@app.command("to-options", cls=HelpfulCommand)
@with_targets
def to_options(
    path: Annotated[
        str | None,
        typer.Argument(metavar="[CONFIG]", help="A config.yml (default: the one found); - reads."),
    ] = None,
    *,
    given: Given,
) -> int:
    """Print a config.yml as lines for configuration.nix.

    What the module's options cannot say is set in the unit's environment where that works, and
    named where it does not.
    """
    from tabbydoctor.nixos import block, from_config

    where = path or _found(given)
    data = _mapping(where)
    source = _shown(where) if data else f"{_shown(where)}, which is empty,"
    return show_text(block.to_options(from_config.expressed(data), source))


@app.command("to-config", cls=HelpfulCommand)
@with_targets
def to_config(
    path: Annotated[
        str, typer.Argument(metavar="[OPTIONS.json]", help="The module's options; - reads stdin.")
    ] = "-",
    *,
    given: Given,
    format: FormatOption = Format.TEXT,
) -> int:
    """Print the config.yml that the module writes for its options, given as JSON.

    What TabbyAPI ignores is marked; --format json is the very file, one line, with the marks on
    stderr.
    """
    from tabbydoctor.nixos import block, generated

    try:
        found = generated.generated(_options(path))
    except generated.WrongOptions as error:
        raise CommandError(
            "the module does not evaluate with these options", hint="\n  ".join(error.problems)
        ) from error
    if format == Format.TEXT:
        return show_text(block.to_config(found))
    for (section, key), why in found.ignored.items():
        sys.stderr.write(leaving(f"ignored: {section}.{key}: {why}") + "\n")
    for remark in found.remarks:
        sys.stderr.write(leaving(remark) + "\n")
    return show_text(visible_json(found.text))


def _found(given: Given) -> str:
    """The file that the module writes, or that TabbyAPI is started with, or the one in its
    working directory.
    """
    from tabbydoctor.deployment.nixos import generated_config
    from tabbydoctor.deployment.parts import Instance
    from tabbydoctor.tabbyapi.config import EffectiveConfig

    generated = generated_config(fact(given, Instance))
    if generated:  # a temporary repair has TabbyAPI read another
        return generated
    config = fact(given, EffectiveConfig)
    files = [file for file in config.files if file.problem != "missing"]
    if not files:
        raise CommandError(f"there is no config.yml in {config.directory}", hint="name it")
    return files[-1].path


def _mapping(path: str) -> Mapping[Any, Any]:
    """The sections of a config.yml, as TabbyAPI reads it."""
    from tabbydoctor.yaml import yaml12

    document = yaml12.document(_read(path))
    if document.problem == "empty":
        return {}
    if document.problem:
        line = f":{document.line}" if document.line else ""
        raise CommandError(f"{_shown(path)}{line}: {document.detail}")
    if not isinstance(document.data, dict):
        raise CommandError(f"{_shown(path)} holds no sections")
    return document.data


def _options(path: str) -> Mapping[str, Any]:
    """The options in a JSON document, alone or below services.tabbyapi."""
    from tabbydoctor.documents import json_of

    try:
        data = json_of(_read(path))
    except ValueError as error:
        raise CommandError(f"{_shown(path)} is no JSON: {error}", hint=_HOW) from error
    for outer in ("services", "tabbyapi"):
        if isinstance(data, dict) and set(data) == {outer}:
            data = data[outer]
    if not isinstance(data, dict):
        raise CommandError(f"{_shown(path)} holds no options", hint=_HOW)
    return data


def _read(path: str) -> bytes:
    from tabbydoctor.host.local import LocalHost
    from tabbydoctor.yaml.yaml12 import MAX_BYTES

    if path == "-":
        data = sys.stdin.buffer.read(MAX_BYTES + 1)
    else:
        try:
            data = LocalHost().read(path, MAX_BYTES + 1).data
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror or error}") from error
    if len(data) > MAX_BYTES:
        raise CommandError(f"{_shown(path)} has more than {MAX_BYTES >> 10} KiB")
    return data


def _shown(path: str) -> str:
    return "standard input" if path == "-" else path
