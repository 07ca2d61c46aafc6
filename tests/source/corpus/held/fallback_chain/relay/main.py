import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import Response

from .settings import CHAIN
from .upstream import ChainExhausted, complete, ping

app = FastAPI()


@app.get("/health")
async def health():
    states = {url: await ping(url) for url in CHAIN}
    return {"ok": any(states.values()), "chain": states}


@app.post("/v1/chat/completions")
async def chat_completions(request: Request):
    try:
        answer = await complete(await request.json())
    except ChainExhausted as exc:
        raise HTTPException(status_code=502, detail=str(exc)) from exc
    return Response(answer.content, answer.status_code, media_type="application/json")


def run():
    uvicorn.run(app, host="127.0.0.1", port=9104, log_level="warning")
