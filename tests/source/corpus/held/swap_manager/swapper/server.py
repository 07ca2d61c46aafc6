import asyncio

from fastapi import FastAPI, HTTPException, Request, Response

from .loader import load_specs
from .manager import EngineNotReady, SwapManager

app = FastAPI()
manager = SwapManager(*load_specs())


@app.get("/current")
async def current():
    return {"engine": manager.current, "model": await asyncio.to_thread(manager.loaded_model)}


@app.post("/v1/chat/completions")
async def chat(request: Request):
    payload = await request.json()
    try:
        upstream = await asyncio.to_thread(manager.chat, payload)
    except KeyError:
        raise HTTPException(404, "model not configured")
    except EngineNotReady:
        raise HTTPException(503, "engine did not come up")
    return Response(upstream.content, upstream.status_code, media_type="application/json")
