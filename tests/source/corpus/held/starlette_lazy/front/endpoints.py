import httpx
from starlette.datastructures import MutableHeaders
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from .conf import COMFY, TABBY, TABBY_TOKEN
from .http import get_client


def cleaned(request: Request) -> MutableHeaders:
    headers = MutableHeaders(raw=list(request.headers.raw))
    for name in ("host", "authorization", "x-api-key", "cookie", "content-length", "accept-encoding"):
        if name in headers:
            del headers[name]
    return headers


async def to_tabby(request: Request) -> Response:
    headers = cleaned(request)
    headers["authorization"] = f"Bearer {TABBY_TOKEN}"
    client = await get_client()
    req = client.build_request(
        method=request.method,
        url=str(TABBY).rstrip("/") + request.url.path,
        headers=dict(headers),
        content=await request.body(),
    )
    resp = await client.send(req, stream=True)

    async def body():
        try:
            async for part in resp.aiter_bytes():
                yield part
        finally:
            await resp.aclose()

    return StreamingResponse(body(), resp.status_code, media_type=resp.headers.get("content-type"))


async def to_comfy(request: Request) -> Response:
    client = await get_client()
    resp = await client.request(
        request.method,
        f"{str(COMFY).rstrip('/')}/{request.path_params['rest']}",
        headers=dict(cleaned(request)),
        content=await request.body(),
    )
    return Response(resp.content, resp.status_code, media_type=resp.headers.get("content-type"))


class Health(HTTPEndpoint):
    async def get(self, request: Request) -> JSONResponse:
        client = await get_client()
        try:
            r = await client.get(f"{str(TABBY).rstrip('/')}/health", timeout=2.0)
            up = r.status_code == 200
        except httpx.TransportError:
            up = False
        return JSONResponse({"tabby": up}, status_code=200 if up else 503)
