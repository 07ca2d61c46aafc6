"""The providers there are."""
from functools import cached_property
from pathlib import Path

from gate.transport import Transport


class Tabby(Transport):
    name = "tabby"

    base_url = "http://127.0.0.1:5000"

    @cached_property
    def credentials(self):
        return "Authorization", "Bearer " + self._key

    @cached_property
    def _key(self):
        return Path("tabby.key").read_text().strip()


class Llama(Transport):
    name = "llama"
    ready_path = "/health"

    @property
    def base_url(self):
        return "http://127.0.0.1:8080"
