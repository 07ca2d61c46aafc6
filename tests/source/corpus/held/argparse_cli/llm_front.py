#!/usr/bin/env python3
import argparse
import logging
import sys

import aiohttp
from aiohttp import web

logger = logging.getLogger("llm_front")


def parse_args(argv=None):
    p = argparse.ArgumentParser(description="Front for one TabbyAPI and one embedding server")
    p.add_argument("--host", default="127.0.0.1")
    p.add_argument("--port", type=int, default=9130)
    p.add_argument("--tabby", metavar="URL", default="http://127.0.0.1:5000")
    p.add_argument("--tabby-key", metavar="KEY", default=None)
    p.add_argument("--embed", metavar="URL", default="http://127.0.0.1:7997")
    p.add_argument("-v", "--verbose", action="store_true")
    return p.parse_args(argv)


class Front:
    def __init__(self, args):
        self.args = args
        self.tabby = None
        self.embed = None

    async def on_startup(self, app):
        headers = {}
        if self.args.tabby_key:
            headers["Authorization"] = f"Bearer {self.args.tabby_key}"
        self.tabby = aiohttp.ClientSession(base_url=self.args.tabby, headers=headers)
        self.embed = aiohttp.ClientSession(base_url=self.args.embed)

    async def on_cleanup(self, app):
        for session in (self.tabby, self.embed):
            await session.close()

    async def models(self, request):
        async with self.tabby.get("/v1/models") as r:
            return web.json_response(await r.json(), status=r.status)

    async def chat(self, request):
        async with self.tabby.request("POST", "/v1/chat/completions", data=await request.read(), headers={"Content-Type": "application/json"}) as upstream:
            response = web.StreamResponse(status=upstream.status)
            response.headers["Content-Type"] = upstream.headers.get("Content-Type", "application/json")
            await response.prepare(request)
            async for chunk in upstream.content.iter_chunked(4096):
                await response.write(chunk)
            await response.write_eof()
        return response

    async def embeddings(self, request):
        async with self.embed.post("/embeddings", data=await request.read()) as r:
            return web.Response(body=await r.read(), status=r.status, content_type="application/json")


def main():
    args = parse_args()
    logging.basicConfig(level=logging.DEBUG if args.verbose else logging.INFO, stream=sys.stderr)
    front = Front(args)
    app = web.Application()
    app.on_startup.append(front.on_startup)
    app.on_cleanup.append(front.on_cleanup)
    app.router.add_get("/v1/models", front.models)
    app.router.add_post("/v1/chat/completions", front.chat)
    app.router.add_post("/v1/embeddings", front.embeddings)
    web.run_app(app, host=args.host, port=args.port, print=logger.info)


if __name__ == "__main__":
    main()
