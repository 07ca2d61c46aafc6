import os
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse, Response

from .endpoint import Endpoint
from .service import ProxyService
from .strategy import get_strategy


def service_of(request: Request) -> ProxyService:
    return request.app.state.service


def create_app() -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI):
        addresses = [a.strip() for a in os.environ["ENDPOINTS"].split(",") if a.strip()]
        app.state.service = ProxyService(
            [Endpoint(a) for a in addresses],
            get_strategy(os.environ.get("STRATEGY", "round_robin")),
        )
        yield
        await app.state.service.close()

    app = FastAPI(lifespan=lifespan)

    @app.get("/endpoints")
    async def endpoints(service: ProxyService = Depends(service_of)):
        return [{"address": e.address, "latency": e.latency} for e in service.endpoints]

    @app.post("/v1/chat/completions")
    async def chat(request: Request, service: ProxyService = Depends(service_of)):
        answer = await service.handle("/v1/chat/completions", await request.body(), request.headers)
        if answer is None:
            return JSONResponse({"error": "no endpoint answers"}, status_code=503)
        return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))

    return app
