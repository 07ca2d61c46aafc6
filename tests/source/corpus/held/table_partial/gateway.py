import asyncio
import os
import re
from functools import partial

import aiohttp
from aiohttp import web

EXL = f"http://{os.getenv('EXL_HOST', '127.0.0.1')}:{os.getenv('EXL_PORT', '5000')}"
GGUF = f"http://{os.getenv('GGUF_HOST', '127.0.0.1')}:{os.getenv('GGUF_PORT', '8080')}"

TABLE = [
    (re.compile(r".*-(exl[23]|gptq)$"), EXL),
    (re.compile(r".*\.gguf$"), GGUF),
]

allowed = ("content-type", "accept", "user-agent", "authorization")
post = partial(aiohttp.request, "POST")


def lookup(model):
    for pattern, base in TABLE:
        if pattern.fullmatch(model):
            return base
    return EXL


def picked(headers):
    out = {}
    for name in allowed:
        if name in headers:
            out[name] = headers[name]
    return out


async def completions(request: web.Request) -> web.Response:
    body = await request.json()
    base = lookup(body.get("model", ""))
    async with post(f"{base}/v1/completions", json=body, headers=picked(request.headers)) as r:
        return web.Response(body=await r.read(), status=r.status, content_type="application/json")


async def chat(request: web.Request) -> web.StreamResponse:
    body = await request.json()
    base = lookup(body.get("model", ""))
    async with aiohttp.request(
        "POST", f"{base}/v1/chat/completions", json=body, headers=picked(request.headers)
    ) as r:
        out = web.StreamResponse(status=r.status, headers={"Content-Type": r.content_type})
        await out.prepare(request)
        async for data in r.content.iter_any():
            await out.write(data)
    return out


async def alive(base):
    try:
        async with aiohttp.request("GET", base + "/health") as r:
            return r.status == 200
    except aiohttp.ClientConnectionError:
        return False


async def health(request):
    exl, gguf = await asyncio.gather(alive(EXL), alive(GGUF))
    return web.json_response({"exl": exl, "gguf": gguf})


app = web.Application()
app.add_routes(
    [
        web.get("/health", health),
        web.post("/v1/completions", completions),
        web.post("/v1/chat/completions", chat),
    ]
)

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=9121)
