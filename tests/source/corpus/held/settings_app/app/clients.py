"""The HTTP clients of the gateway, opened and closed with the application."""
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from app.config import get_settings


def _timeout():
    s = get_settings()
    return httpx.Timeout(s.read_timeout, connect=s.connect_timeout)


@asynccontextmanager
async def lifespan(app: FastAPI):
    settings = get_settings()
    app.state.tabby = httpx.AsyncClient(
        base_url=str(settings.tabby_url),
        timeout=_timeout(),
        headers={"Authorization": f"Bearer {settings.tabby_api_key.get_secret_value()}"},
    )
    app.state.vllm = httpx.AsyncClient(base_url=str(settings.vllm_url), timeout=_timeout())
    try:
        yield
    finally:
        await app.state.tabby.aclose()
        await app.state.vllm.aclose()
