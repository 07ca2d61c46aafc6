import json

from aiohttp import web

from .keys import SESSION, STATE
from .targets import TARGETS, target_of


async def status(request):
    return web.json_response(request.app[STATE])


class ChatView(web.View):
    async def post(self):
        raw = await self.request.read()
        name = target_of(json.loads(raw).get("model", ""))
        if not self.request.app[STATE].get(name):
            raise web.HTTPServiceUnavailable(text=f"{name} is down")
        session = self.request.app[SESSION]
        async with session.post(
            TARGETS[name] + self.request.path,
            data=raw,
            headers={"Content-Type": "application/json"},
        ) as upstream:
            out = web.StreamResponse(status=upstream.status)
            out.content_type = upstream.content_type
            await out.prepare(self.request)
            async for piece, _ in upstream.content.iter_chunks():
                await out.write(piece)
            await out.write_eof()
            return out
