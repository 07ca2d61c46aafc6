from pathlib import Path

import yaml
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import Response

from .providers import create_provider


def build(config_path: str) -> FastAPI:
    config = yaml.safe_load(Path(config_path).read_text())
    providers = [create_provider(name, options) for name, options in config["providers"].items()]
    app = FastAPI()

    @app.get("/health")
    async def health():
        return {p.name: await p.is_healthy() for p in providers}

    @app.post("/v1/chat/completions")
    async def chat(request: Request):
        payload = await request.json()
        for provider in providers:
            if provider.serves(payload.get("model", "")):
                r = await provider.complete(payload)
                return Response(r.content, r.status_code, media_type="application/json")
        raise HTTPException(404, "no provider serves this model")

    return app
