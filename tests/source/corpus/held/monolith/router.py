#!/usr/bin/env python3
# -*- coding: utf-8 -*-
"""
Model router.

Listens where the chat front end expects one OpenAI server and hands requests on to
whichever of the local services has the model. Only one service fits on the card, so
a request for a model of another service waits for its turn, and the switch happens
under a lock.
"""
import asyncio
import json
import logging
import os
import re
import subprocess
import sys
import time
import uuid
from collections import OrderedDict, deque
from contextlib import asynccontextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, AsyncIterator, Dict, List, Optional

import httpx
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

VERSION = "2.3.0"
CONFIG_FILE = Path(os.environ.get("ROUTER_CONFIG") or Path(__file__).resolve().parent / "config.json")

logging.basicConfig(
    level=os.environ.get("LOG_LEVEL", "INFO"),
    format="%(asctime)s [%(levelname)s] %(message)s",
    stream=sys.stderr,
)
log = logging.getLogger("router")


# --------------------------------------------------------------------------
# configuration
# --------------------------------------------------------------------------

def load_config() -> Dict[str, Any]:
    try:
        with open(CONFIG_FILE, "r", encoding="utf-8") as f:
            cfg = json.load(f)
    except FileNotFoundError:
        log.error("no configuration at %s", CONFIG_FILE)
        sys.exit(1)
    except json.JSONDecodeError as e:
        log.error("configuration is broken: %s", e)
        sys.exit(1)
    cfg.setdefault("listen", {"host": "127.0.0.1", "port": 8002})
    cfg.setdefault("ready_timeout", 120)
    cfg.setdefault("manage_processes", True)
    return cfg


CFG = load_config()
PORTS: Dict[str, int] = CFG["ports"]
MODELS: Dict[str, Dict[str, Any]] = CFG["models"]
ALIASES: Dict[str, str] = {
    alias: name for name, model in MODELS.items() for alias in model.get("aliases", [])
}

EXLLAMA_URL = f"http://127.0.0.1:{PORTS['exllama']}"
GGUF_URL = f"http://127.0.0.1:{PORTS['gguf']}"
VISION_URL = f"http://127.0.0.1:{PORTS['vision']}"


# --------------------------------------------------------------------------
# state
# --------------------------------------------------------------------------

class State:
    def __init__(self) -> None:
        self.active: Optional[str] = None
        self.switch_lock = asyncio.Lock()
        self.started = time.time()
        self.requests = 0
        self.errors = 0
        self.switches = 0
        self.history: deque = deque(maxlen=100)
        self.latency: Dict[str, List[float]] = {}

    def remember(self, model: str, seconds: float, status: int) -> None:
        self.requests += 1
        if status >= 400:
            self.errors += 1
        self.latency.setdefault(model, []).append(seconds)
        del self.latency[model][:-50]
        self.history.append(
            {
                "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
                "model": model,
                "seconds": round(seconds, 3),
                "status": status,
            }
        )


state = State()


class Cache:
    """Answers of deterministic requests, the most recent ones."""

    def __init__(self, size: int = 64) -> None:
        self.size = size
        self._items: "OrderedDict[str, bytes]" = OrderedDict()

    @staticmethod
    def key(body: Dict[str, Any]) -> Optional[str]:
        if body.get("stream") or body.get("temperature", 1) != 0:
            return None
        return json.dumps(body, sort_keys=True)

    def get(self, key: Optional[str]) -> Optional[bytes]:
        if key is None or key not in self._items:
            return None
        self._items.move_to_end(key)
        return self._items[key]

    def put(self, key: Optional[str], value: bytes) -> None:
        if key is None:
            return
        self._items[key] = value
        while len(self._items) > self.size:
            self._items.popitem(last=False)


cache = Cache()


# --------------------------------------------------------------------------
# services
# --------------------------------------------------------------------------

def resolve_model(name: Optional[str]) -> str:
    if not name:
        name = "default"
    name = name.strip()
    if name in MODELS:
        return name
    if name in ALIASES:
        return ALIASES[name]
    bare = re.sub(r"[:@].*$", "", name)
    return ALIASES.get(bare, bare)


def service_url(service: str) -> str:
    if service == "gguf":
        return GGUF_URL
    elif service == "vision":
        return VISION_URL
    else:
        return EXLLAMA_URL


async def is_ready(service: str) -> bool:
    port = PORTS[service]
    try:
        async with httpx.AsyncClient(timeout=3.0) as client:
            if service == "vision":
                r = await client.get(f"http://127.0.0.1:{port}/health")
            else:
                r = await client.get(f"http://127.0.0.1:{port}/v1/models")
            return r.status_code == 200
    except Exception:
        return False


def run_command(service: str, verb: str) -> None:
    if not CFG["manage_processes"]:
        return
    command = [verb if part == "start" else part for part in CFG["commands"][service]]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as e:
        log.error("%s %s: %s", verb, service, e)


async def stop_others(service: str) -> None:
    for other in PORTS:
        if other != service:
            await asyncio.to_thread(run_command, other, "stop")


async def start_service(service: str) -> bool:
    log.info("switching to %s", service)
    await stop_others(service)
    await asyncio.to_thread(run_command, service, "start")
    deadline = time.monotonic() + CFG["ready_timeout"]
    while time.monotonic() < deadline:
        if await is_ready(service):
            state.active = service
            state.switches += 1
            return True
        await asyncio.sleep(0.5)
    return False


async def ensure_service(service: str) -> None:
    if state.active == service:
        return
    async with state.switch_lock:
        if state.active == service:
            return
        if not await start_service(service):
            log.warning("%s did not become ready in time, trying all the same", service)


# --------------------------------------------------------------------------
# requests
# --------------------------------------------------------------------------

def trim(body: Dict[str, Any], model: str) -> Dict[str, Any]:
    """Keeps the system prompt and the newest messages within the context."""
    limit = MODELS[model].get("context", 4096) * 3
    messages = body.get("messages")
    if not isinstance(messages, list):
        return body
    head = [m for m in messages if m.get("role") == "system"]
    kept: List[Dict[str, Any]] = []
    used = sum(len(str(m.get("content", ""))) for m in head)
    for message in reversed([m for m in messages if m.get("role") != "system"]):
        used += len(str(message.get("content", "")))
        if kept and used > limit:
            break
        kept.insert(0, message)
    return {**body, "messages": head + kept}


def strip_thinking(text: str) -> str:
    return re.sub(r"<think>.*?</think>\s*", "", text, flags=re.DOTALL)


async def stream_answer(url: str, body: Dict[str, Any], model: str) -> AsyncIterator[bytes]:
    began = time.perf_counter()
    status = 200
    client = httpx.AsyncClient(timeout=httpx.Timeout(None, connect=5.0))
    try:
        async with client.stream("POST", url, json=body) as r:
            status = r.status_code
            if status != 200:
                text = (await r.aread()).decode("utf-8", "replace")
                yield f"data: {json.dumps({'error': {'message': text, 'code': status}})}\n\n".encode()
                return
            async for line in r.aiter_lines():
                if line:
                    yield (line + "\n\n").encode()
    except httpx.HTTPError as e:
        status = 502
        yield f"data: {json.dumps({'error': {'message': type(e).__name__}})}\n\n".encode()
    finally:
        await client.aclose()
        state.remember(model, time.perf_counter() - began, status)


async def whole_answer(url: str, body: Dict[str, Any], model: str) -> Response:
    key = Cache.key(body)
    cached = cache.get(key)
    if cached is not None:
        return Response(cached, media_type="application/json", headers={"X-Cache": "hit"})
    began = time.perf_counter()
    async with httpx.AsyncClient(timeout=600.0) as client:
        try:
            r = await client.post(url, json=body)
        except httpx.ConnectError:
            state.active = None
            raise HTTPException(503, "service went away")
    state.remember(model, time.perf_counter() - began, r.status_code)
    if r.status_code != 200:
        return Response(r.content, r.status_code, media_type="application/json")
    data = r.json()
    for choice in data.get("choices", []):
        message = choice.get("message") or {}
        if isinstance(message.get("content"), str):
            message["content"] = strip_thinking(message["content"])
    content = json.dumps(data).encode()
    cache.put(key, content)
    return Response(content, media_type="application/json")


# --------------------------------------------------------------------------
# application
# --------------------------------------------------------------------------

@asynccontextmanager
async def lifespan(app: FastAPI):
    log.info("router %s with %d models", VERSION, len(MODELS))
    for service in PORTS:
        if await is_ready(service):
            state.active = service
            log.info("%s is already running", service)
            break
    yield
    log.info("served %d requests", state.requests)


app = FastAPI(title="model router", version=VERSION, lifespan=lifespan)
app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])


@app.middleware("http")
async def request_id(request: Request, call_next):
    response = await call_next(request)
    response.headers["X-Request-Id"] = request.headers.get("x-request-id", uuid.uuid4().hex)
    return response


@app.get("/", response_class=HTMLResponse)
async def index() -> str:
    rows = "".join(
        f"<tr><td>{name}</td><td>{model['service']}</td></tr>" for name, model in MODELS.items()
    )
    return f"<html><body><h1>router {VERSION}</h1><table>{rows}</table></body></html>"


@app.get("/health")
async def health() -> JSONResponse:
    services = {name: await is_ready(name) for name in PORTS}
    return JSONResponse({"status": "ok" if any(services.values()) else "down", "services": services})


@app.get("/stats")
async def stats() -> Dict[str, Any]:
    return {
        "uptime": round(time.time() - state.started),
        "requests": state.requests,
        "errors": state.errors,
        "switches": state.switches,
        "active": state.active,
        "latency": {m: round(sum(v) / len(v), 3) for m, v in state.latency.items() if v},
        "history": list(state.history)[-10:],
    }


@app.get("/v1/models")
async def list_models() -> Dict[str, Any]:
    created = int(state.started)
    names = [*MODELS, *ALIASES]
    return {
        "object": "list",
        "data": [{"id": n, "object": "model", "created": created, "owned_by": "local"} for n in names],
    }


@app.post("/v1/chat/completions")
async def chat_completions(request: Request):
    try:
        body = await request.json()
    except json.JSONDecodeError:
        raise HTTPException(400, "body is not JSON")
    model = resolve_model(body.get("model"))
    if model not in MODELS:
        raise HTTPException(404, f"unknown model {model}")
    service = MODELS[model]["service"]
    await ensure_service(service)
    body = trim({**body, "model": model}, model)
    backend_url = f"{service_url(service)}/v1/chat/completions"
    if body.get("stream"):
        return StreamingResponse(
            stream_answer(backend_url, body, model), media_type="text/event-stream"
        )
    return await whole_answer(backend_url, body, model)


@app.post("/admin/switch/{service}")
async def switch(service: str):
    if service not in PORTS:
        raise HTTPException(404, "no such service")
    async with state.switch_lock:
        ok = await start_service(service)
    return {"active": state.active, "ok": ok}


def main() -> None:
    listen = CFG["listen"]
    uvicorn.run(app, host=listen["host"], port=listen["port"], log_level="warning")


if __name__ == "__main__":
    main()
