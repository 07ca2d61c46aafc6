"""The config.yml that the module writes for its options, and what TabbyAPI makes nothing of.

The module writes every option that has a key, unset (null) ones and empty lists left out, as one
line of JSON with its names in order (nixpkgs, `lib.generators.toYAML`; Nix's `builtins.toJSON`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tabbydoctor.nixos.option_types import WrongType, typed
from tabbydoctor.nixos.options import BY_NAME, OPTIONS, REQUIRED, Option
from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.binding import binds_loopback_only
from tabbydoctor.tabbyapi.keys import TABLE
from tabbydoctor.tabbyapi.values import Refused, coerced

# What the module itself takes for the loopback when it opens the firewall.
_CLOSED_HOSTS = ("127.0.0.1", "localhost")


class WrongOptions(ValueError):  # noqa: N818 - an answer, not an error
    """With these options the module does not evaluate; one problem each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Generated:
    """A configuration the module writes."""

    document: Mapping[str, Mapping[str, Any]]
    """Section -> key -> value."""
    ignored: Mapping[tuple[str, str], str]
    """What is in it and TabbyAPI drops: section and key -> why."""
    remarks: tuple[str, ...]
    """What else is to know, a line each."""

    @property
    def text(self) -> str:
        """The file's content, to the byte."""
        return json.dumps(self.document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def generated(options: Mapping[str, Any]) -> Generated:
    """What the module writes for these options. Raises WrongOptions where it does not evaluate."""
    values = _values(options)
    document: dict[str, dict[str, Any]] = {
        option.key[0]: {} for option in OPTIONS if option.key is not None
    }
    ignored = {}
    for option in OPTIONS:
        value = values[option.name]
        if option.key is None or value is None or value == []:
            continue
        section, key = option.key
        document[section][key] = value
        if option.ignored:
            ignored[option.key] = option.ignored
    return Generated(document, ignored, tuple(_remarks(values)))


def opens_firewall(host: str) -> bool:
    """Whether the module opens the port for this host."""
    return host not in _CLOSED_HOSTS


def _values(options: Mapping[str, Any]) -> dict[str, Any]:
    """Every option with its value or its default, of the right type."""
    problems = [f"there is no option {name}" for name in options if name not in BY_NAME]
    values = {}
    for option in BY_NAME.values():
        given = options.get(option.name, option.default)
        if given is REQUIRED:
            problems.append(f'{option.name} has no default: set it, "" for none')
            continue
        try:
            values[option.name] = typed(option.type, given)
        except WrongType as error:
            problems.append(f"{option.name} {error}{_null_hint(option, given)}")
    if problems:
        raise WrongOptions(problems)
    return values


def _null_hint(option: Option, given: Any) -> str:
    return ' ("" for none)' if given is None and option.type == "str" else ""


def _remarks(values: Mapping[str, Any]) -> Iterator[str]:
    if not values["enable"]:
        yield "enable is not true: the module writes nothing before it is"
    for option in OPTIONS:
        value = values[option.name]
        if option.ignored and option.key is None and value:
            yield f"{option.name} has no effect: {option.ignored}"
        yield from _refused(option, value)
    yield from exposure(values)
    if values["overridePreset"]:
        yield "overridePreset needs a directory sampler_overrides in dataDir: none is shipped"
    if values["embeddingModelName"]:
        yield "embeddingModelName needs infinity-emb, which the module's package has not"


def exposure(values: Mapping[str, Any]) -> Iterator[str]:
    """Who reaches it, and is admin without authentication; by `host`, `port`, `disableAuth`."""
    host = values["host"]
    if opens_firewall(host):
        state = ", and authentication is off" if values["disableAuth"] else ""
        yield f"the module opens port {values['port']} in the firewall (host {host!r}){state}"
    elif values["disableAuth"] and binds_loopback_only(host):
        yield "authentication is off: every local user and every local web page is admin"


def _refused(option: Option, value: Any) -> Iterator[str]:
    """Values that the module takes and TabbyAPI refuses to start with."""
    key = TABLE.get(option.key) if option.key else None
    if key is None or value is None:
        return
    try:
        coerced(key, value)
    except Refused as error:
        yield f"TabbyAPI does not start with {option.name} = {json.dumps(value)}: it takes {error}"
