import os

from .base import Backend
from .registry import register


@register("tabby")
class Tabby(Backend):
    base = "http://127.0.0.1:5000"
    ping_path = "/v1/models"

    def extra_headers(self):
        return {"Authorization": "Bearer " + os.environ["TABBY_API_KEY"]}
