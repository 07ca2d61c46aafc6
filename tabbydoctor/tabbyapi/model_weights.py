"""What stands in the directories of the models that the configuration names: their weights.

Only what says of itself what a file is gets read: heads of safetensors files, indexes, pointers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.paths import find_path
from tabbydoctor.deployment.reader import reader
from tabbydoctor.documents import json_of
from tabbydoctor.facts import Unknown
from tabbydoctor.host import Host
from tabbydoctor.host.access import PathStatus
from tabbydoctor.records import dataclass, field, replace
from tabbydoctor.tabbyapi.model_files import ModelFiles, NamedFile, Part
from tabbydoctor.tabbyapi.shards import missing_shards
from tabbydoctor.tabbyapi.weight_files import UNFINISHED, WeightFile, other_file, weight_file

_MOST_JSON = 32 << 20
_HUB = ".cache/huggingface/download"
"""Where huggingface_hub keeps what it has not finished, below a directory it downloads to."""
_TEMPLATES = ("tabby_template.jinja", "chat_template.jinja", "chat_template.json")
_WITH_DIRECTORY: tuple[Part, ...] = ("model", "draft model", "embedding model", "LoRA")
TOKENIZER = "tokenizer.json"
"""The only one that exllamav3 reads: neither tokenizer.model nor tekken.json will do."""


@dataclass(frozen=True, slots=True)
class ModelDirectory:
    """One directory, and what is in it."""

    file: NamedFile
    """What the configuration names."""
    names: frozenset[str] = frozenset()
    about: dict[str, Any] = field(default_factory=dict)
    """Its config.json; empty where that is none."""
    about_damage: str = ""
    """What is wrong with its config.json, in words."""
    weights: tuple[WeightFile, ...] = ()
    """Its safetensors files, in the order of their names."""
    others: tuple[WeightFile, ...] = ()
    """Further files that a load reads: the tokenizer, other weights where those are loaded."""
    missing: tuple[str, ...] = ()
    """Parts that an index or the numbering of the others names, and that are not there."""
    unfinished: tuple[str, ...] = ()
    """What a downloader has left behind and not finished."""
    closed: tuple[PathStatus, ...] = ()
    """What TabbyAPI's account could not read, with the way to it."""
    unjudged: str = ""
    """Why a part could not be judged; empty where all was."""
    template: bool = False
    """Whether it brings a chat template."""

    @property
    def damaged(self) -> tuple[WeightFile, ...]:
        """The files that are not what their names say."""
        return tuple(one for one in (*self.weights, *self.others) if one.damage)


@dataclass(frozen=True, slots=True)
class ModelWeights:
    """The directories of the models and LoRAs that are there."""

    directories: tuple[ModelDirectory, ...]


def model_weights(host: Host, instance: Instance, models: ModelFiles) -> ModelWeights:
    """Look into every directory that the configuration names and that is there.

    It is read with the eyes of TabbyAPI's account; what that may not read is told with its way.
    """
    seen = host.seen_by(reader(host, instance))
    found = [
        _Look(host, seen, file).directory()
        for file in models.files
        if file.part in _WITH_DIRECTORY and file.problem in (None, "unreadable")
    ]
    return ModelWeights(tuple(found))


class _Look:
    """One look at one directory."""

    def __init__(self, host: Host, seen: Host, file: NamedFile) -> None:
        self.host, self.seen, self.file = host, seen, file
        self.path = file.path
        self.closed: list[PathStatus] = []
        self.unjudged = ""

    def directory(self) -> ModelDirectory:
        try:
            names = frozenset(self.seen.names(self.path))
        except OSError:
            self._denied(self.path)
            return self._told(ModelDirectory(self.file))
        shards = sorted(one for one in names if _loaded(one))
        weights = tuple(one for name in shards if (one := self._weight(name, names)))
        about, damage = self._about(names)
        found = ModelDirectory(
            self.file,
            names,
            about,
            damage,
            weights,
            tuple(one for name in self._read_too(names) if (one := self._other(name, names))),
            tuple(missing_shards(names, list(self._indexes(names)))),
            tuple(self._unfinished(names)),
            template=self._template(names),
        )
        return self._told(found)

    def _told(self, found: ModelDirectory) -> ModelDirectory:
        return replace(found, closed=tuple(self.closed), unjudged=self.unjudged)

    def _denied(self, path: str) -> None:
        """Nobody but root sees the whole way to what he may not read."""
        way = find_path(self.host, path) if self.host.effective_uid() == 0 else None
        if way is not None:
            self.closed.append(way)
        else:
            self.unjudged = self.unjudged or f"cannot look into {path}: run as root"

    def _weight(self, name: str, names: Collection[str]) -> WeightFile | None:
        try:
            found = weight_file(self.seen, self.path, name)
        except Unknown as error:
            self.unjudged = self.unjudged or str(error)
            return WeightFile(name, 0)
        except OSError:
            self._denied(f"{self.path}/{name}")
            return WeightFile(name, 0)
        return _downloading(found, names)

    def _other(self, name: str, names: Collection[str]) -> WeightFile | None:
        try:
            return _downloading(other_file(self.seen, self.path, name), names)
        except IsADirectoryError:
            return None
        except OSError:
            self._denied(f"{self.path}/{name}")
            return None

    def _read_too(self, names: Collection[str]) -> Iterator[str]:
        if TOKENIZER in names:
            yield TOKENIZER
        if self.file.part in ("embedding model", "LoRA"):
            yield from sorted(one for one in names if one.endswith(".bin"))

    def _about(self, names: Collection[str]) -> tuple[dict[str, Any], str]:
        """config.json, and what is wrong with it."""
        if "config.json" not in names:
            return {}, ""
        seen = self._other("config.json", names)
        if seen is None or seen.damage == "pointer":
            return {}, "a git-lfs pointer" if seen else ""
        found = self._json("config.json")
        return (found, "") if isinstance(found, dict) else ({}, "no JSON object")

    def _indexes(self, names: Collection[str]) -> Iterator[list[str]]:
        """The files that each index names."""
        for name in sorted(one for one in names if one.endswith(".safetensors.index.json")):
            found = self._json(name)
            listed = found.get("weight_map") if isinstance(found, dict) else None
            if isinstance(listed, dict):
                files = {one for one in listed.values() if isinstance(one, str) and "/" not in one}
                yield sorted(files)

    def _unfinished(self, names: Collection[str]) -> Iterator[str]:
        yield from sorted(one for one in names if one.endswith(UNFINISHED))
        if ".cache" in names:
            try:
                below = self.seen.names(f"{self.path}/{_HUB}")
            except OSError:
                return
            yield from (f"{_HUB}/{one}" for one in below if one.endswith(".incomplete"))

    def _template(self, names: Collection[str]) -> bool:
        if any(one in names for one in _TEMPLATES):
            return True
        found = self._json("tokenizer_config.json") if "tokenizer_config.json" in names else {}
        return isinstance(found, dict) and bool(found.get("chat_template"))

    def _json(self, name: str) -> Any:
        """A JSON document; None where it is none, or cannot be read."""
        try:
            return json_of(self.seen.read(f"{self.path}/{name}", _MOST_JSON).data)
        except (OSError, ValueError):
            return None


def _loaded(name: str) -> bool:
    """Whether exllamav3 loads it: `glob` passes over what begins with a dot."""
    return name.endswith(".safetensors") and not name.startswith(".")


def _downloading(file: WeightFile, names: Collection[str]) -> WeightFile:
    """aria2 makes a file in its full size at once, and takes its mark away in the end."""
    if f"{file.name}.aria2" in names and file.damage in (None, "damaged"):
        return replace(file, damage="downloading")
    return file


GATHERERS = (model_weights,)
