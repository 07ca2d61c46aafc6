from collections.abc import AsyncIterator
from typing import Any, Self

import httpx

from .settings import UpstreamSettings


class BearerAuth(httpx.Auth):
    def __init__(self, token: str):
        self.token = token

    def auth_flow(self, request):
        request.headers["Authorization"] = f"Bearer {self.token}"
        yield request


class HttpUpstream:
    def __init__(self, settings: UpstreamSettings):
        self._settings = settings
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        auth = BearerAuth(self._settings.token) if self._settings.token else None
        self._client = httpx.AsyncClient(base_url=self._settings.url, auth=auth, timeout=90)
        return self

    async def __aexit__(self, *exc_info) -> None:
        await self._client.aclose()

    async def reachable(self) -> bool:
        try:
            response = await self._client.get("/v1/models")
            return response.status_code == httpx.codes.OK
        except httpx.RequestError:
            return False

    async def chat(self, payload: dict[str, Any]) -> tuple[int, bytes]:
        response = await self._client.post("/v1/chat/completions", json=payload)
        return response.status_code, response.content

    async def chat_stream(self, payload: dict[str, Any]) -> AsyncIterator[bytes]:
        async with self._client.stream("POST", "/v1/chat/completions", json=payload) as response:
            async for line in response.aiter_lines():
                yield line.encode() + b"\n"
