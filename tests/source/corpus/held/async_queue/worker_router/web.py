import os
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .config import read
from .dispatch import Dispatcher

LANES = os.environ.get("LANES", Path(__file__).parents[1] / "lanes.json")


@asynccontextmanager
async def lifespan(app):
    async with Dispatcher(read(LANES)) as dispatcher:
        yield {"dispatcher": dispatcher}


async def chat(request):
    status, body = await request.state.dispatcher.submit(await request.json())
    return Response(body, status, media_type="application/json")


async def lanes(request):
    return JSONResponse({lane.name: lane.open for lane in request.state.dispatcher.lanes})


app = Starlette(
    lifespan=lifespan,
    routes=[Route("/v1/chat/completions", chat, methods=["POST"]), Route("/lanes", lanes)],
)
