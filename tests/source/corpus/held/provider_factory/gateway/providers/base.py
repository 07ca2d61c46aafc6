from abc import ABC, abstractmethod

import httpx


class BaseProvider(ABC):
    chat_path = "/chat/completions"
    models_path = "/models"

    def __init__(self, name, base_url, models=(), api_key=None, timeout=120):
        self.name = name
        self.base_url = base_url.rstrip("/")
        self.models = list(models)
        self.api_key = api_key
        self.timeout = timeout

    @abstractmethod
    def auth_headers(self) -> dict:
        ...

    def serves(self, model: str) -> bool:
        return model in self.models

    async def complete(self, payload: dict) -> httpx.Response:
        async with httpx.AsyncClient(timeout=self.timeout) as client:
            return await client.post(
                self.base_url + self.chat_path,
                json=payload,
                headers={"Accept": "application/json", **self.auth_headers()},
            )

    async def is_healthy(self) -> bool:
        try:
            async with httpx.AsyncClient(timeout=2) as client:
                r = await client.get(self.base_url + self.models_path, headers=self.auth_headers())
            r.raise_for_status()
        except httpx.HTTPError:
            return False
        return True
