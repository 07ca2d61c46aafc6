from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Mount, Route

from .endpoints import Health, to_comfy, to_tabby
from .http import close_client


@asynccontextmanager
async def lifespan(app):
    yield
    await close_client()


application = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/health", Health),
        Route("/comfy/{rest:path}", to_comfy, methods=["GET", "POST"]),
        Mount("/v1", routes=[Route("/{rest:path}", to_tabby, methods=["GET", "POST", "DELETE"])]),
    ],
)
