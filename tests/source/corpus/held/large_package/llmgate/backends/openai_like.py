from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp

from .base import Backend, Reply


class OpenAIBackend(Backend):
    prefix = "/v1"

    def default_headers(self) -> dict[str, str]:
        headers = super().default_headers()
        if self.config.api_key:
            headers["Authorization"] = f"Bearer {self.config.api_key}"
        return headers

    async def ping(self) -> bool:
        async with self.session.get(self.url(f"{self.prefix}/models")) as response:
            return response.status == 200

    async def chat(self, body: dict) -> Reply:
        async with self.session.post(self.url(f"{self.prefix}/chat/completions"), json=body) as response:
            try:
                data = await response.json(content_type=None)
            except ValueError:
                data = {"error": {"message": await response.text()}}
            return Reply(response.status, data)

    async def stream(self, body: dict) -> AsyncIterator[bytes]:
        payload = {**body, "stream": True}
        async with self.session.post(
            self.url(f"{self.prefix}/chat/completions"), json=payload
        ) as response:
            async for line in response.content:
                yield line


class TabbyBackend(OpenAIBackend):
    """TabbyAPI: says which model is loaded, and of which others it knows."""

    async def ping(self) -> bool:
        async with self.session.get(self.url("/health"), timeout=aiohttp.ClientTimeout(2)) as response:
            if response.status != 200:
                return False
        return await self.loaded() is not None

    async def loaded(self) -> str | None:
        async with self.session.get(self.url("/v1/model")) as response:
            return (await response.json()).get("id") if response.status == 200 else None

    async def available(self) -> list[str]:
        async with self.session.get(self.url("/v1/model/list")) as response:
            response.raise_for_status()
            return [m["id"] for m in (await response.json()).get("data", [])]
