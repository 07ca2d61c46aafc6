"""Facts: gathered once, lazily, at the same time, and shared by every check.

A *gatherer* is a function whose return annotation is the kind of fact it gathers and whose
parameters name, by annotation, the facts it needs in turn. The engine resolves them the way
pytest resolves fixtures. `X | None` as a parameter means "None if there is no X".

Facts are told apart by name, so that neither a kind of fact nor what gathers or judges it is
imported before it is needed (`Deferred`): a run pays for what it looks at.
"""

from __future__ import annotations

import asyncio
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from operator import attrgetter
from typing import Any, TypeVar, cast

from tabbydoctor.threads import in_thread

T = TypeVar("T")
Gatherer = Callable[..., Any]


class NoFact(Exception):  # noqa: N818 - an answer, not an error
    """A fact cannot be had; the message is the reason a report shows."""


class Absent(NoFact):
    """The thing does not exist here (no systemd, no router): checks on it are skipped."""


class Unknown(NoFact):
    """It could not be looked at (no permission, no answer): checks on it are unknown.

    The message says what is needed, for example "run as root".
    """


class NotGathered(LookupError):  # noqa: N818 - a fault of the doctor's own
    """Nothing gathers facts of a kind."""


# What is raised where several facts cannot be had: a crash first, then what is absent.
_RANK: Mapping[type[BaseException], int] = {Absent: 1, Unknown: 2}


Need = tuple[str, bool]
"""The name of a kind of fact, and whether it may be missing."""


class Deferred:
    """A function by its name, `package.module:attribute`: imported when it is first called.

    `needs` are the facts that its parameters name, `gathers` the one that it returns.
    """

    def __init__(self, name: str, needs: Mapping[str, Need], gathers: str = "") -> None:
        self.__module__, _, self.__qualname__ = name.partition(":")
        self.needs, self.gathers = needs, gathers

    def load(self) -> Gatherer:
        """The function itself."""
        return cast(Gatherer, attrgetter(self.__qualname__)(import_module(self.__module__)))

    def __call__(self, *facts: object, **named: object) -> Any:
        return self.load()(*facts, **named)


def loaded(function: Gatherer) -> Gatherer:
    """The function itself, imported if it was not yet."""
    return function.load() if isinstance(function, Deferred) else function


def name_of(kind: type) -> str:
    """What tells a kind of fact from any other: `package.module:Kind`."""
    return f"{kind.__module__}:{kind.__qualname__}"


def needs(function: Gatherer) -> dict[str, tuple[type, bool]]:
    """Parameter name -> (kind of fact, optional?), read from the annotations."""
    hints = typing.get_type_hints(loaded(function))
    hints.pop("return", None)
    return {name: _kind(hint) for name, hint in hints.items()}


def _kind(hint: Any) -> tuple[type, bool]:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        kinds = [kind for kind in typing.get_args(hint) if kind is not type(None)]
        return cast(type, kinds[0]), True
    return cast(type, hint), False


def needed(function: Gatherer) -> Mapping[str, Need]:
    """Parameter name -> the fact it needs, by name: nothing is imported for it."""
    if isinstance(function, Deferred):
        return function.needs
    return {name: (name_of(kind), optional) for name, (kind, optional) in needs(function).items()}


def gathered(gatherer: Gatherer) -> str:
    """The name of the kind of fact that a gatherer returns."""
    if isinstance(gatherer, Deferred):
        return gatherer.gathers
    return name_of(gathered_kind(gatherer))


def gathered_kind(gatherer: Gatherer) -> type:
    """The kind of fact that a gatherer returns."""
    return cast(type, typing.get_type_hints(loaded(gatherer))["return"])


def incomplete(fact: object) -> str:
    """Why nothing can be concluded from what a fact does not hold; empty where it can.

    A fact of which a part may have been left out says so in an attribute of that name.
    """
    return str(getattr(fact, "incomplete", ""))


class Facts:
    """The facts of one run. Use from one event loop only."""

    def __init__(
        self,
        given: Iterable[object],
        gatherers: Iterable[Gatherer],
        patience: float | None = None,
    ) -> None:
        """`given` are facts at hand (the host under its protocol goes through `provide`).

        `patience` is for how many seconds, from the first question on, what is not needed is
        waited for; by default without end.
        """
        self._patience = patience
        self._patient_until: float | None = None
        self._tasks: dict[str, asyncio.Future[Any]] = {}
        self._given: dict[str, object] = {name_of(type(fact)): fact for fact in given}
        self._gatherers: dict[str, Gatherer] = {gathered(one): one for one in gatherers}

    def provide(self, kind: type, fact: object) -> None:
        """Give a fact under a kind of its own, for example a host under its protocol."""
        self._given[name_of(kind)] = fact

    async def get(self, kind: type[T]) -> T:
        """The fact of this kind.

        Raises Absent or Unknown as its gatherer did, NotGathered if nothing gathers it.
        A caller that gives up waiting does not stop the gathering: others may wait too.
        """
        return cast(T, await self.named(name_of(kind)))

    async def named(self, name: str) -> object:
        """The fact of a kind by its name (`name_of`), as `get`."""
        if name in self._given:
            return self._given[name]
        if name not in self._tasks:
            if name not in self._gatherers:
                raise NotGathered(f"nothing gathers {name.rpartition(':')[2]}")
            self._tasks[name] = asyncio.ensure_future(self.call(self._gatherers[name]))
        return await asyncio.shield(self._tasks[name])

    def known(self, kind: type[T]) -> T | None:
        """The fact if it has been gathered already, without waiting; else None."""
        name = name_of(kind)
        if name in self._given:
            return cast(T, self._given[name])
        task = self._tasks.get(name)
        if task is None or not task.done() or task.cancelled() or task.exception():
            return None
        return cast(T, task.result())

    async def call(self, function: Gatherer) -> Any:
        """Call a function with the facts its parameters name.

        A plain function runs in a thread of its own, so that slow ones overlap.
        """
        arguments = await self.arguments(function)
        work = loaded(function)
        if inspect.iscoroutinefunction(work):
            return await work(**arguments)
        return await in_thread(lambda: work(**arguments))

    async def arguments(self, function: Gatherer) -> Mapping[str, object]:
        """The facts a function asks for: first what it needs, then what it can do without.

        Where several cannot be had, what is absent weighs more than what is unknown: a check
        that does not apply is skipped, whatever else could not be looked at.
        """
        wanted = needed(function)
        found: dict[str, object] = {}
        for dispensable in (False, True):
            names = [one for one, (_, optional) in wanted.items() if optional is dispensable]
            found |= zip(names, await self._all(names, wanted), strict=True)
        return found

    async def _all(self, names: Iterable[str], wanted: Mapping[str, Need]) -> list[object]:
        values = await asyncio.gather(
            *(self._get(*wanted[name]) for name in names), return_exceptions=True
        )
        failures = [value for value in values if isinstance(value, BaseException)]
        if failures:
            raise min(failures, key=lambda failure: _RANK.get(type(failure), 0))
        return list(values)

    async def _get(self, name: str, optional: bool) -> object:
        """What is not needed holds up and fails nobody: late or crashed, it is None."""
        if not optional:
            return await self.named(name)
        if self._patient_until is None and self._patience is not None:
            self._patient_until = asyncio.get_running_loop().time() + self._patience
        try:
            async with asyncio.timeout_at(self._patient_until):
                return await self.named(name)
        except NotGathered:
            raise
        except Exception:  # noqa: BLE001 - who needs it says so
            return None

    async def close(self) -> None:
        """Forget what is still being gathered, without waiting for it."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
