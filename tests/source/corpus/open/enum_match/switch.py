"""aiohttp.web before three servers of an enumeration; `match` tells which one is asked."""
import asyncio
import os
from enum import Enum
from typing import NamedTuple

import aiohttp
from aiohttp import web


class Server(NamedTuple):
    host: str
    port: int
    chat: str = "/v1/chat/completions"

    @property
    def base(self):
        return f"http://{self.host}:{self.port}"


class Backend(Enum):
    TABBY = Server("127.0.0.1", 5000)
    SGLANG = Server("127.0.0.1", 30000)
    OLLAMA = Server("127.0.0.1", 11434, "/api/chat")

    @classmethod
    def of(cls, model):
        match model.split("/"):
            case ["sglang", *_]:
                return cls.SGLANG
            case ["ollama", _]:
                return cls.OLLAMA
            case _:
                return cls.TABBY


TOKEN = os.environ.get("TABBY_TOKEN")


def session_for(backend):
    headers = {}
    match backend:
        case Backend.TABBY if TOKEN:
            headers["Authorization"] = f"Bearer {TOKEN}"
        case Backend.SGLANG | Backend.OLLAMA:
            pass
    return aiohttp.ClientSession(base_url=backend.value.base, headers=headers)


async def chat(request):
    body = await request.json()
    if (backend := Backend.of(body["model"])) is Backend.OLLAMA:
        body |= {"stream": False}
    async with session_for(backend) as session, session.post(backend.value.chat, json=body) as got:
        return web.Response(body=await got.read(), status=got.status)


async def state(backend):
    try:
        async with session_for(backend) as session:
            async with asyncio.timeout(2):
                async with session.get("/health") as got:
                    return got.ok
    except (aiohttp.ClientError, TimeoutError):
        return False


async def states(request):
    async with asyncio.TaskGroup() as group:
        tasks = {backend.name: group.create_task(state(backend)) for backend in Backend}
    return web.json_response({name: task.result() for name, task in tasks.items()})


app = web.Application()
app.add_routes([web.get("/states", states), web.post("/v1/chat/completions", chat)])

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=9205, print=None)
