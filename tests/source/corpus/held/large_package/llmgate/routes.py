from __future__ import annotations

import json
import time

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse

from .accounts import CurrentAccount
from .backends.openai_like import TabbyBackend
from .catalogue import Catalogue

router = APIRouter(prefix="/v1")
internal = APIRouter(prefix="/internal", include_in_schema=False)


def catalogue_of(request: Request) -> Catalogue:
    return request.app.state.catalogue


@router.get("/models")
async def models(request: Request, account: CurrentAccount):
    now = int(time.time())
    return {
        "object": "list",
        "data": [
            {"id": name, "object": "model", "created": now, "owned_by": "llmgate"}
            for name in catalogue_of(request).names()
        ],
    }


@router.get("/usage")
async def usage(request: Request, account: CurrentAccount):
    return request.app.state.usage.of(account.name)


@router.post("/chat/completions")
async def chat(request: Request, account: CurrentAccount):
    body = await request.json()
    target = catalogue_of(request).find(body.get("model", ""))
    if target is None:
        raise HTTPException(404, "no such model")
    body["model"] = target.model
    if body.get("stream"):
        return StreamingResponse(target.backend.stream(body), media_type="text/event-stream")
    reply = await target.backend.chat(body)
    request.app.state.usage.add(
        account.name, target.backend.name, target.model, reply.data.get("usage") or {}, reply.status
    )
    return JSONResponse(reply.data, reply.status)


@internal.get("/backends")
async def backends(request: Request):
    return {name: backend.healthy for name, backend in catalogue_of(request).backends.items()}


@internal.get("/available")
async def available(request: Request):
    found = {}
    for name, backend in catalogue_of(request).backends.items():
        if isinstance(backend, TabbyBackend):
            found[name] = await backend.available()
    return json.loads(json.dumps(found))
