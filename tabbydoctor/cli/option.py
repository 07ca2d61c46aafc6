"""What an option of a command is, said without typer, which takes a fifth of a short run to import.

A command line that is plain is read here (`plain_call`). Whatever is not — help, a mistake, an
option twice, a value that looks like an option — is typer's, which is given the same options.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, NamedTuple, get_args, get_origin


class PlainOption(NamedTuple):
    """An option; the names follow from its parameter's where none are given."""

    names: tuple[str, ...] = ()
    help: str = ""
    metavar: str | None = None
    panel: str | None = None


def option(
    *names: str, help: str, metavar: str | None = None, panel: str | None = None
) -> PlainOption:
    """An option as `typer.Option` writes it."""
    return PlainOption(names, help, metavar, panel)


_KINDS = (str, float, bool)
"""What an option takes, beside the words of a `StrEnum`."""


class NotPlain(Exception):  # noqa: N818 - an answer, not an error
    """The command line is for typer to read, and perhaps to refuse."""


def plain_call(command: Callable[..., object], arguments: Sequence[str]) -> Callable[[], object]:
    """The call of a command that its arguments mean. Raises NotPlain."""
    known = dict(_options(command))
    given: dict[str, object] = {}
    rest = iter(arguments)
    for word in rest:
        name, equals, value = word.partition("=")
        if name not in known:
            raise NotPlain
        parameter, kind = known[name]
        if parameter in given or (kind is bool and equals):
            raise NotPlain
        if kind is not bool and not equals:
            value = next(rest, "-")
        given[parameter] = True if kind is bool else _value(kind, value)
    usual = {one.name: one.default for one in inspect.signature(command).parameters.values()}
    return functools.partial(command, **usual | given)


def _value(kind: Any, text: str) -> object:
    if text.startswith("-"):
        raise NotPlain
    if kind is float:
        if not (text.isascii() and text.replace(".", "", 1).isdigit()):
            raise NotPlain
        return float(text)
    if kind is not str:
        if text not in list(kind):
            raise NotPlain
        return kind(text)
    return text


def _options(command: Callable[..., object]) -> Iterator[tuple[str, tuple[str, object]]]:
    """The name of each option, with its parameter and what it takes. Raises NotPlain."""
    for parameter in inspect.signature(command).parameters.values():
        kind, described = _told(parameter.annotation)
        if (
            described is None
            or not (kind in _KINDS or (isinstance(kind, type) and issubclass(kind, StrEnum)))
            or parameter.default is inspect.Parameter.empty
        ):
            raise NotPlain
        for name in described.names or (f"--{parameter.name.replace('_', '-')}",):
            yield name, (parameter.name, kind)


def _told(annotation: object) -> tuple[object, PlainOption | None]:
    """The type of `Annotated[str | None, option(…)]` without its None, and the option."""
    if get_origin(annotation) is not Annotated:
        return annotation, None
    kind, *more = get_args(annotation)
    kinds = [part for part in get_args(kind) if part is not type(None)] or [kind]
    return kinds[0], next((part for part in more if isinstance(part, PlainOption)), None)


def typed(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with the options as typer has them."""
    import typer

    own = inspect.signature(command)
    if not any(_told(one.annotation)[1] for one in own.parameters.values()):
        return command

    def for_typer(annotation: Any) -> Any:
        described = _told(annotation)[1]
        if described is None:
            return annotation
        info = typer.Option(
            *described.names,
            help=described.help,
            metavar=described.metavar,
            rich_help_panel=described.panel,
        )
        return Annotated[get_args(annotation)[0], info]

    kinds: Mapping[str, Any] = {
        name: for_typer(hint) for name, hint in command.__annotations__.items()
    }
    parameters = [
        parameter.replace(annotation=kinds[name]) for name, parameter in own.parameters.items()
    ]

    @functools.wraps(command)
    def same(**given: Any) -> Any:
        return command(**given)

    same.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    same.__annotations__ = dict(kinds)
    return same
