import httpx
from fastapi import Request
from starlette.background import BackgroundTask
from starlette.responses import StreamingResponse

from .headers import incoming, outgoing
from .registry import Backend

client = httpx.AsyncClient(timeout=None, follow_redirects=False)


async def forward(request: Request, backend: Backend, body: bytes) -> StreamingResponse:
    url = httpx.URL(backend.base_url).copy_with(
        path=request.url.path, query=request.url.query.encode("utf-8") or None
    )
    upstream_request = client.build_request(
        request.method, url, headers=outgoing(request.headers.raw), content=body
    )
    upstream = await client.send(upstream_request, stream=True)
    return StreamingResponse(
        upstream.aiter_raw(),
        status_code=upstream.status_code,
        headers=incoming(upstream.headers),
        background=BackgroundTask(upstream.aclose),
    )
