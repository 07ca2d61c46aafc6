"""TabbyAPI's command line, parsed as it parses it (argparse, made from its keys).

As in TabbyAPI's `common/args.py`: one `--key-name VALUE` for every key, booleans included, and
lists with one or more values; unambiguous prefixes are taken; anything else exits 2.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from tabbydoctor.records import dataclass, field
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.keys import TABLE, ConfigKey

_LISTS = frozenset({"texts", "ints", "floats", "choices", "loras"})
_START_FLAGS = ("-ur", "-ud", "-fr", "-nw")
_START_NAMES = ("--update-repository", "--update-deps", "--force-reinstall", "--nowheel")


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What the arguments say."""

    config: str | None = None
    """The file of `--config`."""
    values: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    """(section, key) -> the text, or the list of texts."""
    error: str = ""
    """Why TabbyAPI exits 2 (or 0, for `--help`) instead of starting."""


class _Refused(Exception):  # noqa: N818 - argparse's way out
    pass


class _Parser(argparse.ArgumentParser):
    """An argument parser that neither prints nor exits."""

    def error(self, message: str) -> NoReturn:
        raise _Refused(message)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise _Refused(message or "it only prints its help")

    def print_help(self, file: Any = None) -> None:
        """Say nothing: `exit` follows."""


def known_keys(installation: Installation) -> Mapping[tuple[str, str], ConfigKey]:
    """Every key of the installation, with the type it has there or in the shipped table."""
    return {
        (section, name): installation.keys.get((section, name))
        or TABLE.get((section, name))
        or ConfigKey(section, name)
        for section, names in _in_order(installation)
        for name in names
    }


def _in_order(installation: Installation) -> list[tuple[str, list[str]]]:
    order = [name for _, name in (installation.keys or TABLE)]
    places = {name: place for place, name in enumerate(order)}
    return [
        (section, sorted(names, key=lambda name: (places.get(name, len(order)), name)))
        for section, names in installation.sections.items()
    ]


def parse(
    arguments: Sequence[str], installation: Installation, start_script: bool = False
) -> CommandLine:
    """Parse TabbyAPI's arguments.

    `start_script`: it is run through start.py, which takes a few flags of its own. Where the
    installation's keys are not known exactly, an unknown flag is no error.
    """
    parser = _parser(installation, start_script)
    try:
        if installation.exact:
            found = parser.parse_args(list(arguments))
        else:
            found, _ = parser.parse_known_args(list(arguments))
    except _Refused as refusal:
        unknown = _unknown_flags(parser, arguments)
        return CommandLine(error=_without_values(str(refusal), unknown))
    given = vars(found)
    values = {key: value for key in known_keys(installation) if (value := given.get(_dest(key)))}
    values |= {key: "" for key in known_keys(installation) if given.get(_dest(key)) == ""}
    return CommandLine(given.get("config") or None, values)


def _unknown_flags(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> list[str]:
    """The flags among the arguments that begin no option."""
    options = [option for action in parser._actions for option in action.option_strings]
    flags = [word.partition("=")[0] for word in arguments if word.startswith("--")]
    return [flag for flag in flags if not any(option.startswith(flag) for option in options)]


def _without_values(message: str, unknown: list[str]) -> str:
    """argparse's message without what was given, which may be a secret."""
    if unknown:
        return f"unrecognized arguments: {' '.join(unknown)}"
    if message.startswith("unrecognized arguments:"):
        return "unrecognized arguments"
    message = re.sub(r"invalid choice: '.{0,1024}?' \(", "invalid choice (", message)
    return re.sub(r"(?<![\w-])(--?[\w-]+)=\S+", r"\1", message)


def _dest(key: tuple[str, str]) -> str:
    return f"{key[0]}.{key[1]}"


def _parser(installation: Installation, start_script: bool) -> argparse.ArgumentParser:
    parser = _Parser(prog="main.py", conflict_handler="resolve")
    actions = parser.add_subparsers(dest="actions")
    for name in ("download", "export-openapi", "export-config"):
        actions.add_parser(name).add_argument("rest", nargs="*")
    parser.add_argument("--config")
    for key, known in known_keys(installation).items():
        nargs = "+" if known.kind in _LISTS else None
        parser.add_argument(f"--{key[1].replace('_', '-')}", dest=_dest(key), nargs=nargs)
    if start_script:
        for flag, name in zip(_START_FLAGS, _START_NAMES, strict=True):
            parser.add_argument(flag, name, action="store_true")
        parser.add_argument("--gpu-lib")
    return parser
