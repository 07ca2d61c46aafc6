from typing import NamedTuple

from openai import AsyncOpenAI

from .secrets import tabby_key


class Upstream(NamedTuple):
    name: str
    client: AsyncOpenAI
    prefixes: tuple


def build_upstreams():
    return {
        "tabby": Upstream(
            "tabby",
            AsyncOpenAI(base_url="http://127.0.0.1:5000/v1", api_key=tabby_key(), max_retries=0),
            ("tabby-", "exl3-"),
        ),
        "sglang": Upstream(
            "sglang",
            AsyncOpenAI(base_url="http://127.0.0.1:30000/v1", api_key="EMPTY", max_retries=0),
            ("deepseek-",),
        ),
    }


def choose(upstreams, model):
    for upstream in upstreams.values():
        if model.startswith(upstream.prefixes):
            return upstream
    return upstreams["tabby"]
