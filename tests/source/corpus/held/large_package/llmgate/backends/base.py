from __future__ import annotations

import abc
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp

from ..config import BackendConfig


@dataclass
class Reply:
    status: int
    data: dict = field(default_factory=dict)


class Backend(abc.ABC):
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=600)

    def __init__(self, config: BackendConfig):
        self.config = config
        self.name = config.name
        self.healthy = False
        self._session: aiohttp.ClientSession | None = None

    def default_headers(self) -> dict[str, str]:
        return {"Accept": "application/json"}

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(timeout=self.timeout, headers=self.default_headers())

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError(f"{self.name} is not open")
        return self._session

    def url(self, path: str) -> str:
        return self.config.url + path

    @abc.abstractmethod
    async def ping(self) -> bool: ...

    @abc.abstractmethod
    async def chat(self, body: dict) -> Reply: ...

    @abc.abstractmethod
    def stream(self, body: dict) -> AsyncIterator[bytes]: ...
