import asyncio

import httpx

_client = None
_guard = asyncio.Lock()


async def get_client() -> httpx.AsyncClient:
    global _client
    if _client is None or _client.is_closed:
        async with _guard:
            if _client is None or _client.is_closed:
                _client = httpx.AsyncClient(
                    timeout=None, limits=httpx.Limits(max_connections=200)
                )
    return _client


async def close_client() -> None:
    if _client is not None:
        await _client.aclose()
