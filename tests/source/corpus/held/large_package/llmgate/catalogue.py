from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

import aiohttp

from .backends import Backend, make_backend
from .config import GateConfig

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Target:
    backend: Backend
    model: str


class Catalogue:
    """Public model names, and the backends that stand behind them."""

    def __init__(self, config: GateConfig):
        self.backends: dict[str, Backend] = {}
        self._targets: dict[str, Target] = {}
        for entry in config.backends:
            backend = self.backends[entry.name] = make_backend(entry)
            for public, private in entry.models.items():
                self._targets.setdefault(public, Target(backend, private))
        self._watcher: asyncio.Task | None = None

    async def __aenter__(self) -> "Catalogue":
        await asyncio.gather(*(b.open() for b in self.backends.values()))
        self._watcher = asyncio.create_task(self._watch(), name="watcher")
        return self

    async def __aexit__(self, *_) -> None:
        self._watcher.cancel()
        await asyncio.gather(self._watcher, return_exceptions=True)
        await asyncio.gather(*(b.close() for b in self.backends.values()))

    async def _watch(self) -> None:
        while True:
            await asyncio.gather(*map(self._refresh, self.backends.values()))
            await asyncio.sleep(1)

    async def _refresh(self, backend: Backend) -> None:
        try:
            healthy = await asyncio.wait_for(backend.ping(), 5)
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            log.debug("%s: %r", backend.name, error)
            healthy = False
        if healthy is not backend.healthy:
            log.warning("%s %s", backend.name, "is back" if healthy else "is gone")
        backend.healthy = healthy

    def names(self) -> list[str]:
        return sorted(self._targets)

    def find(self, name: str) -> Target | None:
        return self._targets.get(name)
