"""What TabbyAPI drops, what was meant by it, and whether it may count where it was meant.

One record, of which the finding, its printed ways out and the repair are made: a value that does
nothing where it stands may do harm at the place that was meant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from tabbydoctor.deployment.nixos import generated_config
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.facts import Unknown
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass, replace
from tabbydoctor.tabbyapi.arguments import known_keys
from tabbydoctor.tabbyapi.config import EffectiveConfig, Ignored, Setting
from tabbydoctor.tabbyapi.dropped import unknown_names
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.keys import LOGS_KEYS, gone, gone_by_name
from tabbydoctor.tabbyapi.model_files import model_files
from tabbydoctor.tabbyapi.nearest_key import Meant, meant
from tabbydoctor.tabbyapi.opening import opens
from tabbydoctor.tabbyapi.values import Refused, coerced
from tabbydoctor.yaml.nodes import KeyPath

NearName = Literal["move", "remove", "person"]
"""It is written where it was meant, taken out, or left to a person."""
_CERTAIN = ("elsewhere", "misspelt")
_EXPOSE = {
    "logging.log_prompt": "prompts would be written to the log",
    "network.send_tracebacks": "clients would be sent tracebacks",
    **dict.fromkeys(LOGS_KEYS, "requests, keys included, would be written to the log"),
}


@dataclass(frozen=True, slots=True)
class Move:
    """One value, and where it would count."""

    source: KeyPath
    place: tuple[str, str]
    value: object

    @property
    def name(self) -> str:
        """`section.key` of the new place."""
        return ".".join(self.place)


@dataclass(frozen=True, slots=True)
class Misnamed:
    """One name that TabbyAPI does not know."""

    item: Ignored
    meant: Meant
    way: NearName
    target: tuple[str, ...] = ()
    """Section and key, or the section alone; empty where it goes nowhere."""
    moves: tuple[Move, ...] = ()
    obstacle: str = ""
    """Why it is not to count where it was meant, in words that go on after "there"."""
    opens: bool = False
    """Whether it would switch authentication off, or open a server that asks for no key."""
    idle: bool = False
    """Whether all is as it asks for, though nobody reads it."""

    @property
    def name(self) -> str:
        """`section.key`, or the section."""
        return f"{self.item.section}.{self.item.key}" if self.item.key else self.item.section


@dataclass(frozen=True, slots=True)
class MisnamedKeys:
    """All of them, in the order of their layers."""

    items: tuple[Misnamed, ...]


def misnamed_keys(
    host: Host, instance: Instance, config: EffectiveConfig, installation: Installation
) -> MisnamedKeys:
    """Judge each name by what it would do at the place that was meant."""
    names = unknown_names(config, nixos=generated_config(instance) is not None)
    judge = _Judge(host, instance, config, installation)
    return MisnamedKeys(tuple(judge.judged(item) for item in names))


class _Judge:
    def __init__(
        self, host: Host, instance: Instance, config: EffectiveConfig, installation: Installation
    ) -> None:
        self.host, self.instance = host, instance
        self.config, self.installation = config, installation

    def judged(self, item: Ignored) -> Misnamed:
        answer = meant(item.section, item.key, self.installation)
        if item.origin.layer == "environment":
            name = item.origin.where.split(" ")[0]
            item = replace(item, value=self.instance.environment.get(name))
        went = gone(item.section, item.key) if item.key else gone_by_name(item.section)
        idle = answer.kind == "gone" and went is not None and went.asks_for_nothing(item.value)
        target = _target(answer.instead, self.installation)
        if answer.kind == "gone" and (idle or not target):
            way: NearName = "remove" if self.installation.exact else "person"
            return Misnamed(item, answer, way, idle=idle)
        if answer.kind not in ("gone", *_CERTAIN) or not target:
            return Misnamed(item, answer, "person")
        moves = self._moves(item, target)
        if not moves:
            return Misnamed(item, answer, "person", target)
        opening = any(opens(one.place, one.value, self.config) for one in moves)
        obstacle = self._obstacle(moves)
        way = "move" if not obstacle else "person"
        if not self._loads(moves):
            way = "remove"
        return Misnamed(item, answer, way, target, moves, obstacle, opening)

    def _moves(self, item: Ignored, target: tuple[str, ...]) -> tuple[Move, ...]:
        """A section moves key by key, each to the name it meant; nothing where one has none."""
        if len(target) > 1:
            source: KeyPath = (item.section, item.key) if item.key else (item.section,)
            return (Move(source, (target[0], target[1]), item.value),)
        moves = []
        for key, value in item.value.items() if isinstance(item.value, dict) else ():
            place = self._place(target[0], key)
            if place is None:
                return ()
            moves.append(Move((item.section, key), place, value))
        return tuple(moves)

    def _place(self, section: str, key: object) -> tuple[str, str] | None:
        if not isinstance(key, str):
            return None
        if self.installation.knows(section, key):
            return section, key
        answer = meant(section, key, self.installation)
        found = _target(answer.instead, self.installation) if answer.kind in _CERTAIN else ()
        return (found[0], found[1]) if len(found) == 2 else None

    def _loads(self, moves: Iterable[Move]) -> bool:
        """Whether the backend that one names, if it does, is there."""
        known = self.installation
        backends = {"exllamav2": known.loads_exl2, "exllamav3": known.loads_exl3}
        return not any(
            one.name == "model.backend"
            and one.value
            and backends.get(str(one.value).lower(), False) is False
            for one in moves
        )

    def _obstacle(self, moves: tuple[Move, ...]) -> str:
        """What would be worse with the values in their new places; empty where nothing would."""
        keys = known_keys(self.installation)
        settings = dict(self.config.settings)
        for one in moves:
            if one.value is None:
                continue
            try:
                value = coerced(keys[one.place], one.value)
            except Refused as refusal:
                return f"TabbyAPI would not start with its value: it takes {refusal}"
            if one.name == "network.port" and not 0 < int(value) < 1 << 16:
                return "TabbyAPI would not start with its value: it takes 1 to 65535"
            if one.name in _EXPOSE and value:
                return _EXPOSE[one.name]
            origin = self.config.settings[one.place].origin
            settings[one.place] = Setting(*one.place, value, origin, one.value)
        if not self._loads(moves):
            return "TabbyAPI would end when it loads a model: it has no such backend"
        return self._missing(replace(self.config, settings=settings))

    def _missing(self, config: EffectiveConfig) -> str:
        """What would be named and is not there, that is not named now."""
        try:
            now, then = (
                model_files(self.host, self.instance, one).files for one in (self.config, config)
            )
        except Unknown:
            return ""
        told = Counter((one.part, one.problem) for one in now)
        for one in then:
            told[one.part, one.problem] -= 1
            if one.problem and told[one.part, one.problem] < 0:
                return f"TabbyAPI would look for the {one.part} {one.path}, which is not usable"
        return ""


def _target(name: str, installation: Installation) -> tuple[str, ...]:
    """`section.key`, or a section, of the words that say what to write instead."""
    words = name.removeprefix("the section ").split(" ", 1)[0]
    section, _, key = words.partition(".")
    if key:
        return (section, key) if installation.knows(section, key) else ()
    return (section,) if section in installation.sections else ()


GATHERERS = (misnamed_keys,)
