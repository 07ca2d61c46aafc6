from typing import Any

from fastapi import Body, FastAPI, Response
from fastapi.responses import StreamingResponse

from .dependencies import Upstream

app = FastAPI()


@app.get("/livez")
async def livez(upstream: Upstream) -> dict[str, bool]:
    return {"reachable": await upstream.reachable()}


@app.post("/v1/chat/completions", response_model=None)
async def chat(upstream: Upstream, payload: dict[str, Any] = Body()):
    if payload.get("stream"):
        return StreamingResponse(upstream.chat_stream(payload), media_type="text/event-stream")
    status, content = await upstream.chat(payload)
    return Response(content, status, media_type="application/json")
