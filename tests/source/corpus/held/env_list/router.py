#!/usr/bin/env python3
"""
Tiny router for OpenAI-compatible servers.

    BACKENDS="name|url|key|model;model, name|url||model"
"""
import os
import sys
from collections import namedtuple

import httpx
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response

Backend = namedtuple("Backend", "name url key models")


def parse_backends(text):
    backends = []
    for chunk in text.split(","):
        chunk = chunk.strip()
        if not chunk:
            continue
        parts = chunk.split("|")
        if len(parts) != 4:
            sys.exit(f"bad entry in BACKENDS: {len(parts)} fields")
        name, url, key, models = parts
        backends.append(Backend(name, url.rstrip("/"), key, models.split(";")))
    return backends


BACKENDS = parse_backends(os.environ["BACKENDS"])
PORT = int(os.environ.get("PORT", "9000"))

app = FastAPI()


def find(model):
    return next((b for b in BACKENDS if model in b.models), None)


@app.get("/v1/models")
async def list_models():
    merged = []
    async with httpx.AsyncClient(timeout=10) as http:
        for b in BACKENDS:
            h = {"Authorization": f"Bearer {b.key}"} if b.key else None
            try:
                r = await http.get(b.url + "/v1/models", headers=h)
                r.raise_for_status()
                merged += r.json()["data"]
            except httpx.HTTPError as e:
                print(f"{b.name}: {type(e).__name__}", file=sys.stderr)
    return JSONResponse({"object": "list", "data": merged})


@app.post("/v1/{kind:path}")
async def generate(kind: str, req: Request):
    if kind not in ("chat/completions", "completions"):
        raise HTTPException(404)
    body = await req.json()
    b = find(body.get("model"))
    if b is None:
        raise HTTPException(404, "no backend for this model")
    headers = {}
    if b.key:
        headers["Authorization"] = f"Bearer {b.key}"
    async with httpx.AsyncClient(timeout=600) as http:
        r = await http.post(f"{b.url}/v1/{kind}", json=body, headers=headers)
    return Response(r.content, r.status_code, media_type="application/json")


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT)
