from typing import Annotated

import httpx
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from app.config import Settings, get_settings

router = APIRouter()
SettingsDep = Annotated[Settings, Depends(get_settings)]


def pick_client(request: Request, name: str) -> httpx.AsyncClient:
    client = getattr(request.app.state, name, None)
    if client is None:
        raise HTTPException(404, f"unknown backend {name}")
    return client


@router.get("/healthz")
async def healthz(request: Request):
    report = {}
    try:
        r = await request.app.state.tabby.get("/v1/model", timeout=3)
        report["tabby"] = "up" if r.status_code == 200 else "down"
    except httpx.HTTPError:
        report["tabby"] = "down"
    try:
        r = await request.app.state.vllm.get("/health", timeout=3)
        report["vllm"] = "up" if r.is_success else "down"
    except httpx.HTTPError:
        report["vllm"] = "down"
    return JSONResponse(report, 200 if "up" in report.values() else 503)


@router.post("/v1/chat/completions")
async def chat(request: Request, settings: SettingsDep):
    payload = await request.json()
    backend = "vllm" if str(payload.get("model", "")).startswith("qwen") else settings.default_backend
    client = pick_client(request, backend)

    if not payload.get("stream"):
        upstream = await client.post("/v1/chat/completions", json=payload)
        return Response(upstream.content, upstream.status_code, media_type="application/json")

    async def relay():
        async with client.stream("POST", "/v1/chat/completions", json=payload) as upstream:
            async for chunk in upstream.aiter_bytes():
                yield chunk

    return StreamingResponse(relay(), media_type="text/event-stream")
