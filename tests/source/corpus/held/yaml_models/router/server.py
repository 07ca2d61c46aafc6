import asyncio
from contextlib import asynccontextmanager
from typing import Optional

import httpx
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response

from .config import BackendConfig, config
from .retrying import retrying

client: Optional[httpx.AsyncClient] = None


@asynccontextmanager
async def lifespan(app: FastAPI):
    global client
    client = httpx.AsyncClient(timeout=300)
    yield
    await client.aclose()
    client = None


app = FastAPI(lifespan=lifespan)


def headers_for(backend: BackendConfig) -> dict:
    return backend.auth.as_header() if backend.auth else {}


def backend_for(model: str) -> BackendConfig:
    for backend in config.backends.values():
        if model in backend.models:
            return backend
    return config.backends[config.default]


@app.get("/ready")
async def ready():
    names = list(config.backends)
    answers = await asyncio.gather(
        *(
            client.get(b.url + b.ready_path, headers=headers_for(b), timeout=2)
            for b in config.backends.values()
        ),
        return_exceptions=True,
    )
    state = {
        name: isinstance(a, httpx.Response) and a.status_code == 200
        for name, a in zip(names, answers)
    }
    return JSONResponse(state, 200 if state[config.default] else 503)


@app.post("/v1/chat/completions")
async def chat(request: Request):
    body = await request.json()
    backend = backend_for(body.get("model", ""))
    if backend.kind != "chat":
        raise HTTPException(400, "not a chat model")
    answer = await retrying(
        lambda: client.post(
            f"{backend.url}/v1/chat/completions", json=body, headers=headers_for(backend)
        )
    )
    return Response(answer.content, answer.status_code, media_type="application/json")


@app.post("/v1/audio/transcriptions")
async def transcribe(request: Request):
    backend = next((b for b in config.backends.values() if b.kind == "audio"), None)
    if backend is None:
        raise HTTPException(501)
    answer = await client.post(
        backend.url + "/inference",
        content=await request.body(),
        headers={"content-type": request.headers["content-type"]},
    )
    return Response(answer.content, answer.status_code, media_type="application/json")
