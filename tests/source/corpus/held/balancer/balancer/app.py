from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request, Response

from .nodes import load_nodes
from .pool import NoNodeAvailable, Pool

CONFIG = Path(__file__).resolve().parent.parent / "nodes.toml"


def create_app() -> FastAPI:
    pool = Pool(load_nodes(CONFIG))

    @asynccontextmanager
    async def lifespan(_: FastAPI):
        await pool.start()
        yield
        await pool.stop()

    app = FastAPI(lifespan=lifespan)

    @app.get("/status")
    def status():
        return [{"name": n.name, "healthy": n.healthy, "inflight": n.inflight} for n in pool.nodes]

    @app.post("/v1/chat/completions")
    async def chat(request: Request):
        try:
            status, body, served_by = await pool.forward("/v1/chat/completions", await request.body())
        except NoNodeAvailable:
            raise HTTPException(503, "no healthy node") from None
        return Response(body, status, {"X-Served-By": served_by}, "application/json")

    @app.post("/v1/completions")
    async def completions(request: Request):
        try:
            status, body, served_by = await pool.forward("/v1/completions", await request.body())
        except NoNodeAvailable:
            raise HTTPException(503, "no healthy node") from None
        return Response(body, status, {"X-Served-By": served_by}, "application/json")

    return app
