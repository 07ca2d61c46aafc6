import json
import os
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request

from .forwarder import client, forward
from .registry import registry

CONFIG_PATH = Path(os.environ.get("PROXY_CONFIG", Path(__file__).parent.parent / "models.json"))


@asynccontextmanager
async def lifespan(app: FastAPI):
    registry.load(CONFIG_PATH)
    yield
    await client.aclose()


app = FastAPI(lifespan=lifespan)


@app.get("/health")
async def health():
    return {"status": "ok", "backends": [b.id for b in registry.all()]}


@app.api_route("/v1/{path:path}", methods=["POST", "PUT"])
async def proxy(path: str, request: Request):
    body = await request.body()
    try:
        model = json.loads(body).get("model")
    except ValueError:
        raise HTTPException(400, "body is no JSON")
    backend = registry.resolve(model)
    if backend is None:
        raise HTTPException(404, f"model {model!r} is not served here")
    return await forward(request, backend, body)
