"""One door to a server: every call goes through `_request`."""
from __future__ import annotations

import time
from typing import Any

import httpx

from .settings import ServerConfig


class ServerError(RuntimeError):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


class ServerClient:
    def __init__(self, config: ServerConfig, client: httpx.Client | None = None) -> None:
        self._config = config
        self._client = client or httpx.Client(timeout=config.timeout_seconds)

    def models(self) -> list[str]:
        return [each["id"] for each in self._request("GET", "/v1/models").json()["data"]]

    def chat(self, payload: dict[str, Any]) -> dict[str, Any]:
        return self._request("POST", "/v1/chat/completions", json=payload).json()

    def alive(self) -> bool:
        try:
            self._request("GET", "/health", authenticated=False)
        except (ServerError, httpx.HTTPError):
            return False
        return True

    def _headers(self, authenticated: bool) -> dict[str, str]:
        headers = {"Accept": "application/json"}
        if authenticated and self._config.api_key:
            headers["Authorization"] = f"Bearer {self._config.api_key}"
        return headers

    def _request(
        self, method: str, path: str, *, authenticated: bool = True, **kwargs: Any
    ) -> httpx.Response:
        url = f"{self._config.base_url}{path}"
        for attempt in range(self._config.retries + 1):
            response = self._client.request(
                method, url, headers=self._headers(authenticated), **kwargs
            )
            if response.status_code < 500:
                break
            time.sleep(0.1 * attempt)
        if response.is_error:
            raise ServerError(response.status_code, response.text)
        return response
