import os

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, StreamingResponse
from starlette.middleware.base import BaseHTTPMiddleware

BACKEND = os.environ.get("BACKEND", "http://127.0.0.1:5000").rstrip("/")
UI = os.environ.get("UI")

http = httpx.AsyncClient(timeout=None)


class ProxyMiddleware(BaseHTTPMiddleware):
    def __init__(self, app, prefix: str, target: str):
        super().__init__(app)
        self.prefix = prefix
        self.target = target

    async def dispatch(self, request: Request, call_next):
        if not request.url.path.startswith(self.prefix):
            return await call_next(request)

        headers = dict(request.headers)
        headers.pop("host", None)
        headers.pop("content-length", None)
        headers["x-forwarded-proto"] = request.url.scheme

        url = self.target + request.url.path
        if request.url.query:
            url += "?" + request.url.query

        req = http.build_request(
            request.method,
            url,
            headers=headers,
            content=await request.body(),
        )
        res = await http.send(req, stream=True)
        return StreamingResponse(
            res.aiter_raw(),
            status_code=res.status_code,
            headers={k: v for k, v in res.headers.items() if k in ("content-type", "content-encoding")},
            background=None,
        )


app = FastAPI()
app.add_middleware(ProxyMiddleware, prefix="/v1", target=BACKEND)
if UI:
    app.add_middleware(ProxyMiddleware, prefix="/ui", target=UI.rstrip("/"))


@app.get("/")
def root():
    return PlainTextResponse("proxy")
