from collections.abc import AsyncIterator
from typing import Any, Protocol


class ChatUpstream(Protocol):
    async def chat(self, payload: dict[str, Any]) -> tuple[int, bytes]: ...

    def chat_stream(self, payload: dict[str, Any]) -> AsyncIterator[bytes]: ...

    async def reachable(self) -> bool: ...
