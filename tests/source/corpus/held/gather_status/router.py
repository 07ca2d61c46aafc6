import asyncio
import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import Response

logger = logging.getLogger("router")
app = FastAPI()


@dataclass
class Service:
    name: str
    port: int
    healthy: bool = False

    @property
    def base(self):
        return f"http://127.0.0.1:{self.port}"


SERVICES = {
    s.name: s
    for s in (
        Service("tabby", 5000),
        Service("sglang", 30000),
        Service("llamacpp", 8085),
    )
}
DEFAULT = "tabby"


def tabby_headers() -> dict:
    path = Path(os.environ.get("TABBY_CONFIG", Path(__file__).parent / "tabby.json"))
    return {"Authorization": "Bearer " + json.loads(path.read_text())["api_key"]}


async def check(client: httpx.AsyncClient, service: Service) -> bool:
    try:
        resp = await client.get(f"{service.base}/v1/models", timeout=2.0)
    except httpx.HTTPError:
        return False
    return resp.status_code in (200, 401, 403)


@app.get("/status")
async def status():
    async with httpx.AsyncClient() as client:
        services = list(SERVICES.values())
        results = await asyncio.gather(*(check(client, s) for s in services))
        for service, ok in zip(services, results):
            service.healthy = ok
    return [asdict(s) for s in SERVICES.values()]


@app.post("/v1/chat/completions")
async def chat(request: Request):
    body = await request.json()
    service = SERVICES.get(body.pop("service", DEFAULT))
    if service is None:
        raise HTTPException(400, "no such service")
    headers = tabby_headers() if service.name == "tabby" else {}
    async with httpx.AsyncClient(timeout=None) as client:
        resp = await client.post(f"{service.base}/v1/chat/completions", json=body, headers=headers)
    return Response(content=resp.content, status_code=resp.status_code, media_type="application/json")
