"""Everything below / is TabbyAPI's, everything below /draw the image server's."""
import os
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

METHODS = ["GET", "POST", "PUT", "DELETE"]


@asynccontextmanager
async def lifespan(app):
    async with (
        httpx.AsyncClient(base_url=os.environ["LLM_BASE"], timeout=None) as llm,
        httpx.AsyncClient(base_url="http://127.0.0.1:7860/", timeout=120) as images,
    ):
        yield {"llm": llm, "images": images}


def streamed(answer):
    return StreamingResponse(
        answer.aiter_raw(),
        status_code=answer.status_code,
        headers=dict(answer.headers),
        background=BackgroundTask(answer.aclose),
    )


async def draw(request: Request):
    answer = await request.state.images.post("/sdapi/v1/txt2img", json=await request.json())
    return JSONResponse(answer.json(), answer.status_code)


async def everything_else(request: Request):
    client = request.state.llm
    url = httpx.URL(path=request.url.path, query=request.url.query.encode("utf-8"))
    outgoing = client.build_request(
        request.method, url, headers=request.headers.raw, content=request.stream()
    )
    answer = await client.send(outgoing, stream=True)
    return streamed(answer)


async def ready(request: Request):
    answer = await request.state.llm.get("health", timeout=3)
    return JSONResponse({"llm": answer.is_success}, 200 if answer.is_success else 503)


app = Starlette(
    routes=[
        Route("/draw", draw, methods=["POST"]),
        Route("/ready", ready),
        Route("/{path:path}", everything_else, methods=METHODS),
    ],
    lifespan=lifespan,
)
