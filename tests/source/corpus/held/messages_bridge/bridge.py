"""Speaks the Messages API to its callers and chat completions to TabbyAPI."""
import os
import uuid
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel


def read_secret(variable: str, default: str) -> str:
    return Path(os.environ.get(variable, default)).read_text(encoding="ascii").strip()


HERE = Path(__file__).parent
BASE = os.environ.get("TABBY_URL", "http://127.0.0.1:5000")
KEY = read_secret("TABBY_KEY_FILE", str(HERE / "tabby.key"))
OWN_KEYS = set(filter(None, os.environ.get("BRIDGE_KEYS", "").split(",")))

app = FastAPI()


class Message(BaseModel):
    role: str
    content: str | list


class MessagesRequest(BaseModel):
    model: str
    max_tokens: int
    messages: list[Message]
    system: str | None = None


def flatten(content):
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content if part.get("type") == "text")


def convert(req: MessagesRequest) -> dict:
    messages = [{"role": "system", "content": req.system}] if req.system else []
    messages += [{"role": m.role, "content": flatten(m.content)} for m in req.messages]
    return {"model": req.model, "max_tokens": req.max_tokens, "messages": messages}


async def upstream(payload: dict) -> dict:
    async with httpx.AsyncClient(base_url=BASE, headers={"x-api-key": KEY}, timeout=None) as c:
        r = await c.post("/v1/chat/completions", json=payload)
    if r.is_error:
        raise HTTPException(r.status_code, r.text)
    return r.json()


@app.get("/v1/models")
async def models():
    r = httpx.get(f"{BASE}/v1/models", headers={"X-API-Key": KEY})
    return {"data": [{"type": "model", "id": m["id"]} for m in r.json()["data"]]}


@app.post("/v1/messages")
async def create_message(req: MessagesRequest, x_api_key: str | None = Header(default=None)):
    if OWN_KEYS and x_api_key not in OWN_KEYS:
        raise HTTPException(401, "invalid x-api-key")
    answer = await upstream(convert(req))
    choice = answer["choices"][0]
    return {
        "id": f"msg_{uuid.uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "model": req.model,
        "content": [{"type": "text", "text": choice["message"]["content"]}],
        "stop_reason": "end_turn",
    }


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=9123)
