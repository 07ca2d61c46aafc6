"""What a model needs against what the GPUs have: the facts for `tabbydoctor vram`."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Mapping
from typing import TypeVar

from tabbydoctor.deployment.drop_ins import DropIn
from tabbydoctor.deployment.nixos import managed
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.deployment.reader import reader
from tabbydoctor.examination import facts_of
from tabbydoctor.facts import Absent, Facts, NoFact, Unknown
from tabbydoctor.gpu.backend import Backend
from tabbydoctor.gpu.cuda_order import CudaOrder, cuda_order
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.gpu.estimated_model import EstimatedModel
from tabbydoctor.gpu.known import known_of
from tabbydoctor.gpu.memory_need import MemoryNeed
from tabbydoctor.gpu.memory_picture import MemoryPicture
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.gpu.usable_room import UsableRoom
from tabbydoctor.gpu.weights import UnreadableModel, file_sizes
from tabbydoctor.host import Host
from tabbydoctor.invocation import invocation
from tabbydoctor.nixos.service import environment_line
from tabbydoctor.records import replace
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.model_files import ModelFiles
from tabbydoctor.targets import Targets
from tabbydoctor.threads import await_nobody, in_thread

T = TypeVar("T")
_NAMES_SHOWN = 8
_NAME_ONE = "name a model: a directory below model_dir, or the path of a config.json"


class NoSuchModel(Exception):  # noqa: N818 - it is an answer for the operator
    """There is nothing to estimate, and the way out."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


async def vram_picture(
    host: Host, targets: Targets, word: str | None, bits: float | None, here: str, time_limit: float
) -> MemoryPicture:
    """The picture of the configured model, or of the one that `word` names: a name below
    `model_dir`, or a path, seen from the directory `here`. `bits`: as EstimatedModel has them.

    Raises NoSuchModel, or TimeoutError after so many seconds.
    """
    facts = facts_of(host, targets)
    await_nobody()
    try:
        async with asyncio.timeout(time_limit):
            return await _Picture(host, facts, here).of(word, bits)
    finally:
        await facts.close()
        await host.close()


class _Picture:
    def __init__(self, host: Host, facts: Facts, here: str) -> None:
        self.host, self.facts, self.here = host, facts, here
        self.notes: list[str] = []

    async def of(self, word: str | None, bits: float | None) -> MemoryPicture:
        instance = await self._instance(word)
        config = await self._needed(EffectiveConfig)
        asked = await in_thread(lambda: self._asked(instance, config, word, bits))
        if asked is None:
            files = await self._needed(ModelFiles)
            named = next((file for file in files.files if file.part == "model"), None)
            if named is None:
                raise NoSuchModel(
                    "no model is configured (model.model_name)",
                    _NAME_ONE,
                )
            name, path = named.name, named.path
        else:
            name, path = asked.name, asked.directory
            self.facts.provide(EstimatedModel, asked)
            if instance.container:
                self.facts.provide(ModelFiles, ModelFiles(()))
        self.facts.provide(GpuNeed, GpuNeed(f"the model {name} is asked about"))
        picture = await self._with_need(MemoryPicture(name, path, None), instance)
        picture = await self._with_room(picture, instance)
        return replace(picture, places=_places(config), notes=tuple(self.notes))

    async def _instance(self, word: str | None) -> Instance:
        try:
            return await self.facts.get(Instance)
        except NoFact as reason:
            if word is None:
                raise NoSuchModel(
                    f"{reason}",
                    "name TabbyAPI's directory with --dir, or a model: a directory, a config.json",
                ) from reason
            nobody = Instance(self.here)
            self.facts.provide(Instance, nobody)
            self.facts.provide(EffectiveConfig, EffectiveConfig(self.here, {}))
            self.facts.provide(ModelFiles, ModelFiles(()))
            self.facts.provide(Backend, Backend("", None, "max_seq_len"))
            self.notes.append("no TabbyAPI was found here: its defaults, of a new version")
            return nobody

    async def _needed(self, kind: type[T]) -> T:
        try:
            return await self.facts.get(kind)
        except NoFact as reason:
            raise NoSuchModel(str(reason), _NAME_ONE) from reason

    def _asked(
        self, instance: Instance, config: EffectiveConfig, word: str | None, bits: float | None
    ) -> EstimatedModel | None:
        if word is None and bits is None:
            return None
        host = self.host.seen_by(reader(self.host, instance))
        models = str(config.value("model", "model_dir") or "models")
        below = posixpath.join(instance.directory, models)
        if word is None:
            word = str(config.value("model", "model_name") or "")
            if not word:
                raise NoSuchModel("no model is configured (model.model_name)", _NAME_ONE)
        return _found(host, word, below, self.here, bits)

    async def _with_need(self, picture: MemoryPicture, instance: Instance) -> MemoryPicture:
        try:
            return replace(picture, need=await self.facts.get(MemoryNeed))
        except Absent as reason:
            raise NoSuchModel(
                str(reason),
                f"see {invocation('check --only CFG010')}, or name another: a directory below "
                "model_dir, or the path of a config.json",
            ) from reason
        except UnreadableModel as reason:
            raise NoSuchModel(
                str(reason), f"is {picture.path} whole, and may TabbyAPI's account read it?"
            ) from reason
        except Unknown as reason:
            host = self.host.seen_by(reader(self.host, instance))
            most = await in_thread(lambda: _sizes(host, picture.path))
            asked = self.facts.known(EstimatedModel)
            file = f"{picture.path}/{asked.file if asked else 'config.json'}"
            known = await in_thread(lambda: known_of(host, file))
            return replace(picture, unknown=str(reason), at_most=most, known=known)

    async def _with_room(self, picture: MemoryPicture, instance: Instance) -> MemoryPicture:
        order, machine = await self._order(instance), await self._or_none(Machine)
        if machine and machine.wsl:
            self.notes.append("under WSL the driver may make up for GPU memory with the system's")
        if order is not None and not order.certain:
            picture = replace(picture, order_commands=ordering(order, instance, machine))
        try:
            return replace(picture, order=order, room=await self.facts.get(UsableRoom))
        except NoFact as reason:
            return replace(picture, order=order, no_room=str(reason))

    async def _order(self, instance: Instance) -> CudaOrder | None:
        driver = await self._or_none(Driver)
        if driver is None or not driver.works or not driver.nvml.gpus:
            return None
        return cuda_order(driver.nvml, instance.environment, instance.environment_sources)

    async def _or_none(self, kind: type[T]) -> T | None:
        try:
            return await self.facts.get(kind)
        except NoFact:
            return None


def _found(host: Host, word: str, below: str, here: str, bits: float | None) -> EstimatedModel:
    """Raises NoSuchModel, with what there is instead."""
    places = [posixpath.join(here, word)]
    if not word.startswith((".", "/")):
        places.insert(0, posixpath.join(below, word))
    denied = ""
    for place in map(posixpath.normpath, places):
        try:
            status = host.status(place)
        except PermissionError:
            denied = place
            continue
        except (OSError, ValueError):
            continue
        if not status.is_directory:
            directory, file = posixpath.split(place)
            return EstimatedModel(posixpath.basename(directory) or file, directory, file, bits)
        if _has(host, f"{place}/config.json"):
            return EstimatedModel(posixpath.basename(place), place, bits=bits)
        raise NoSuchModel(f"{place} has no config.json", _beside(host, below))
    if denied:
        raise NoSuchModel(
            f"{denied} may not be read",
            "it is looked at with the rights of TabbyAPI's account, which loads it",
        )
    looked = " nor ".join(places)
    raise NoSuchModel(f"there is no model {word}: neither {looked}", _beside(host, below))


def _has(host: Host, path: str) -> bool:
    try:
        host.status(path)
    except OSError:
        return False
    return True


def _beside(host: Host, below: str) -> str:
    try:
        names = [name for name in host.names(below) if _has(host, f"{below}/{name}/config.json")]
    except OSError:
        names = []
    shown = ", ".join(sorted(names)[:_NAMES_SHOWN])
    there = f"in {below} there are {shown}; or " if shown else ""
    return f"{there}name the path of a model's directory or config.json"


def _sizes(host: Host, directory: str) -> int | None:
    try:
        return file_sizes(host, directory)
    except Unknown:
        return None


def ordering(order: CudaOrder, instance: Instance, machine: Machine | None) -> tuple[str, ...]:
    """What makes CUDA's order certain for a unit: commands, or lines of configuration.nix."""
    unit = instance.unit
    if unit is None:
        return ()
    if managed(machine, unit):
        return tuple(environment_line(unit, name, value) for name, value in order.variables)
    settings = tuple(("Environment", f"{name}={value}") for name, value in order.variables)
    return DropIn(unit, "cuda-order", settings).commands


def _places(config: EffectiveConfig) -> Mapping[str, str]:
    named = config.setting("model", "model_name")
    usual = named.origin.where if named and named.origin.layer != "default" else ""
    return {
        f"{section}.{key}": setting.origin.where if setting.origin.layer != "default" else usual
        for (section, key), setting in config.settings.items()
    }
