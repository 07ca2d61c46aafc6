import asyncio
from typing import Awaitable, Callable, TypeVar

import httpx

T = TypeVar("T")


async def retrying(action: Callable[[], Awaitable[T]], attempts: int = 3, pause: float = 0.05) -> T:
    for left in range(attempts - 1, -1, -1):
        try:
            return await action()
        except (httpx.ConnectError, httpx.ReadTimeout):
            if not left:
                raise
            await asyncio.sleep(pause)
    raise AssertionError("unreachable")
