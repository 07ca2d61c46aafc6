import json
import os
import time
from typing import AsyncGenerator

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

TABBY_API_URL = os.getenv("TABBY_API_URL", "http://localhost:5000/v1")
OLLAMA_URL = os.getenv("OLLAMA_URL", "http://localhost:11434")
TABBY_API_KEY = os.getenv("TABBY_API_KEY")

app = FastAPI(title="Ollama-shaped facade")


def to_openai(body: dict) -> dict:
    options = body.get("options") or {}
    return {
        "model": body["model"],
        "messages": body["messages"],
        "stream": True,
        "temperature": options.get("temperature", 1.0),
        "max_tokens": options.get("num_predict", 512),
    }


def to_ollama(model: str, text: str, done: bool) -> bytes:
    return (json.dumps({"model": model, "created_at": time.time(), "message": {"role": "assistant", "content": text}, "done": done}) + "\n").encode()


async def generate(body: dict) -> AsyncGenerator[bytes, None]:
    model = body["model"]
    async with httpx.AsyncClient(timeout=httpx.Timeout(None)) as client:
        async with client.stream(
            "POST", f"{TABBY_API_URL}/chat/completions", json=to_openai(body)
        ) as response:
            async for line in response.aiter_lines():
                if not line.startswith("data: "):
                    continue
                data = line.removeprefix("data: ")
                if data == "[DONE]":
                    break
                delta = json.loads(data)["choices"][0]["delta"]
                yield to_ollama(model, delta.get("content") or "", False)
    yield to_ollama(model, "", True)


@app.get("/api/tags")
async def tags():
    async with httpx.AsyncClient() as client:
        resp = await client.get(f"{TABBY_API_URL}/models")
        names = [m["id"] for m in resp.json().get("data", [])]
        local = await client.get(f"{OLLAMA_URL}/api/tags")
        names += [m["name"] for m in local.json().get("models", [])]
    return {"models": [{"name": n, "model": n} for n in names]}


@app.post("/api/chat")
async def chat(request: Request):
    return StreamingResponse(generate(await request.json()), media_type="application/x-ndjson")
