import aiohttp
from aiohttp import web

from .keys import SESSION, STATE
from .monitor import monitoring
from .views import ChatView, status


async def client_session(app):
    app[SESSION] = aiohttp.ClientSession()
    yield
    await app[SESSION].close()


def make_app():
    app = web.Application(client_max_size=32 * 1024**2)
    app[STATE] = {}
    app.cleanup_ctx.append(client_session)
    app.cleanup_ctx.append(monitoring)
    app.router.add_get("/status", status)
    app.router.add_view("/v1/chat/completions", ChatView)
    return app
