from __future__ import annotations

import json
from collections.abc import AsyncIterator

from .base import Backend, Reply


class OllamaBackend(Backend):
    async def ping(self) -> bool:
        async with self.session.get(self.url("/api/version")) as response:
            return response.ok

    async def chat(self, body: dict) -> Reply:
        async with self.session.post(self.url("/api/chat"), json={**body, "stream": False}) as response:
            data = await response.json()
            message = data.get("message", {"role": "assistant", "content": ""})
            return Reply(response.status, {"object": "chat.completion", "choices": [{"index": 0, "message": message}]})

    async def stream(self, body: dict) -> AsyncIterator[bytes]:
        async with self.session.post(self.url("/api/chat"), json=body) as response:
            async for line in response.content:
                piece = json.loads(line) if line.startswith(b"{") else {}
                delta = {"content": piece.get("message", {}).get("content", "")}
                yield f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta}]})}\n\n".encode()
        yield b"data: [DONE]\n\n"
