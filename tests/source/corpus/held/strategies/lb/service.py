import httpx

from .breaker import Open, breaker
from .endpoint import Endpoint
from .strategy import Strategy


class ProxyService:
    def __init__(self, endpoints: list[Endpoint], strategy: Strategy):
        self.endpoints = endpoints
        self.strategy = strategy
        self.client = httpx.AsyncClient(timeout=httpx.Timeout(300.0, connect=2.0))

    async def close(self):
        await self.client.aclose()

    @staticmethod
    def translate(headers) -> dict:
        """Callers send a bearer token, the servers are asked with x-api-key."""
        result = {"content-type": headers.get("content-type", "application/json")}
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            result["x-api-key"] = token
        return result

    @breaker(threshold=20)
    async def send(self, endpoint: Endpoint, path: str, body: bytes, headers: dict):
        with endpoint.timed():
            return await self.client.post(
                endpoint.base_url + path,
                content=body,
                headers=headers,
            )

    async def handle(self, path: str, body: bytes, headers) -> httpx.Response | None:
        for _ in range(len(self.endpoints)):
            endpoint = self.strategy.select(self.endpoints)
            try:
                return await self.send(endpoint, path, body, self.translate(headers))
            except (Open, httpx.TransportError):
                continue
        return None
