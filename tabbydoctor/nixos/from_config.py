"""A config.yml of TabbyAPI as options of the module, and what no option can say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from tabbydoctor.nixos.option_types import WrongType, typed
from tabbydoctor.nixos.options import BY_KEY, OPTIONS, Option
from tabbydoctor.records import dataclass, field
from tabbydoctor.tabbyapi.keys import TABLE, ConfigKey, is_secret
from tabbydoctor.tabbyapi.migration import migrate
from tabbydoctor.tabbyapi.origins import variable_name
from tabbydoctor.tabbyapi.values import Refused, coerced

SettingWay = Literal["environment", "environment-file", "own-file", "nothing"]
"""How a key that no option expresses is set all the same.

`environment`: TABBY_… on the unit, where the module leaves the key out · `environment-file`: the
same, for a secret · `own-file`: a configuration file in place of the generated one · `nothing`:
TabbyAPI makes nothing of it anyway.
"""


@dataclass(frozen=True, slots=True)
class Left:
    """A key that no option expresses."""

    section: str
    key: str
    value: Any
    way: SettingWay
    why: str

    @property
    def variable(self) -> str:
        """The variable that sets it."""
        return variable_name((self.section, self.key))


@dataclass(slots=True)
class Expressed:
    """A configuration as the module can say it."""

    options: dict[str, Any] = field(default_factory=dict)
    """Those that differ from the module's defaults, in the module's order."""
    left: list[Left] = field(default_factory=list)
    not_set: list[Option] = field(default_factory=list)
    """Directories the file does not name, where the module's default is not TabbyAPI's."""


def expressed(data: Mapping[Any, Any]) -> Expressed:
    """The options for a configuration, as TabbyAPI reads it (old keys moved, nulls unset)."""
    result = Expressed()
    found: dict[str, Any] = {}
    for section, keys in migrate(data).document.items():
        if not isinstance(keys, Mapping):
            if keys is not None:
                result.left.append(Left(str(section), "", keys, "nothing", "it is no section"))
            continue
        for key, value in keys.items():
            if value is not None:
                _take(result, found, (str(section), str(key)), value)
    # The module has no default for it and takes no null; TabbyAPI loads nothing for an empty text.
    found.setdefault("modelName", "")
    result.options = {
        option.name: found[option.name]
        for option in OPTIONS
        if option.name in found and found[option.name] != option.default
    }
    result.not_set = [
        option for option in OPTIONS if option.name not in found and _differs_from_tabbyapi(option)
    ]
    return result


def _differs_from_tabbyapi(option: Option) -> bool:
    """Whether it names a directory where TabbyAPI by itself takes another."""
    key = TABLE.get(option.key) if option.key else None
    named = key is not None and isinstance(option.default, str)
    return named and key is not None and option.default != key.default


def _take(result: Expressed, found: dict[str, Any], path: tuple[str, str], value: Any) -> None:
    option, key = BY_KEY.get(path), TABLE.get(path)
    if key is None and option is None:
        why = "TabbyAPI knows no such key"
        if path[0] == "auth":  # what guides say, and no TabbyAPI ever had
            why = "TabbyAPI knows no such section; network.disable_auth is what counts"
        result.left.append(Left(*path, value, "nothing", why))
        return
    try:
        value = coerced(key, value) if key else value
    except Refused as refusal:
        why = f"TabbyAPI does not start with it: it takes {refusal}"
        result.left.append(Left(*path, value, "nothing", why))
        return
    if option is None:
        if key is not None and value != key.default:
            result.left.append(_without_option(key, value))
        return
    try:
        found[option.name] = _as_option(option, value)
    except WrongType as error:
        result.left.append(_wrong_type(option, value, str(error)))


def _as_option(option: Option, value: Any) -> Any:
    """The option's value. Raises WrongType where the module would not write the key so."""
    if option.type == "listOf apiServer" and isinstance(value, list):
        value = ["OAI" if item == "oai" else "Kobold" for item in value]
    if option.type == "listOf ints.positive" and isinstance(value, list):
        value = [int(one) if isinstance(one, float) and one.is_integer() else one for one in value]
    result = typed(option.type, value)
    if result == [] and option.default != []:
        raise WrongType("leaves an empty list out")
    return result


def _without_option(key: ConfigKey, value: Any) -> Left:
    since = f"; TabbyAPI has it since {key.since}" if key.since else ""
    return _by_environment(key, value, f"no option sets it{since}")


def _wrong_type(option: Option, value: Any, why: str) -> Left:
    section, name = option.key or ("", "")
    why = f"{option.name} {why}"
    key = TABLE.get((section, name))
    if key is None:
        return Left(section, name, value, "nothing", f"{why}; {option.ignored}")
    if not option.omits_default:
        # The generated file has the key always, and is stronger than the environment.
        return Left(section, name, value, "own-file", why)
    return _by_environment(key, value, why)


def _by_environment(key: ConfigKey, value: Any, why: str) -> Left:
    if isinstance(value, list | dict):
        kind = "list" if isinstance(value, list) else "mapping"
        return Left(key.section, key.name, value, "own-file", f"{why}; no variable holds a {kind}")
    way: SettingWay = "environment-file" if is_secret(key.section, key.name) else "environment"
    return Left(key.section, key.name, value, way, why)
