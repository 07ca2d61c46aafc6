"""Requests as every provider makes them."""
import json
from abc import ABC, abstractmethod
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen


class Transport(ABC):
    name = ""
    ready_path = "/v1/models"

    @property
    @abstractmethod
    def base_url(self): ...

    @property
    def credentials(self):
        return None

    def _open(self, path, payload=None, *, timeout=60):
        data = None if payload is None else json.dumps(payload).encode()
        request = Request(self.base_url + path, data=data, method="POST" if data else "GET")
        request.add_header("Content-Type", "application/json")
        if self.credentials:
            request.add_header(*self.credentials)
        with urlopen(request, timeout=timeout) as response:
            return response.status, response.read()

    def complete(self, payload):
        try:
            return self._open("/v1/chat/completions", payload)
        except HTTPError as error:
            return error.code, error.read()

    def ready(self):
        try:
            return self._open(self.ready_path, timeout=2)[0] == 200
        except (HTTPError, URLError):
            return False
