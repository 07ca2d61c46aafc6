import asyncio
import logging
from contextlib import asynccontextmanager

import aiohttp

from .nodes import Node

log = logging.getLogger("balancer.pool")


class NoNodeAvailable(Exception):
    pass


class Pool:
    def __init__(self, nodes: list[Node], interval: float = 1.0):
        self.nodes = nodes
        self.interval = interval
        self.session: aiohttp.ClientSession | None = None
        self._task: asyncio.Task | None = None

    async def start(self):
        self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=600))
        self._task = asyncio.create_task(self._monitor())

    async def stop(self):
        if self._task:
            self._task.cancel()
        if self.session:
            await self.session.close()

    def auth(self, node: Node) -> dict:
        headers = {"Content-Type": "application/json"}
        if node.token:
            headers["Authorization"] = "Bearer " + node.token
        return headers

    async def _monitor(self):
        while True:
            await asyncio.gather(*(self._check(n) for n in self.nodes), return_exceptions=True)
            await asyncio.sleep(self.interval)

    async def _check(self, node: Node):
        was = node.healthy
        try:
            async with self.session.get(
                f"{node.url}/v1/models",
                headers=self.auth(node),
                timeout=aiohttp.ClientTimeout(total=3),
            ) as r:
                node.healthy = r.status == 200
        except (aiohttp.ClientError, asyncio.TimeoutError):
            node.healthy = False
        if was != node.healthy:
            log.info("%s is now %s", node.name, "up" if node.healthy else "down")

    @asynccontextmanager
    async def lease(self):
        alive = [n for n in self.nodes if n.healthy]
        if not alive:
            raise NoNodeAvailable
        node = min(alive, key=lambda n: n.inflight / n.weight)
        node.inflight += 1
        try:
            yield node
        finally:
            node.inflight -= 1

    async def forward(self, path: str, body: bytes):
        async with self.lease() as node:
            async with self.session.post(node.url + path, data=body, headers=self.auth(node)) as r:
                return r.status, await r.read(), node.name
