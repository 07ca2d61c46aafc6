import asyncio
import logging
from contextlib import suppress

import aiohttp

from .keys import SESSION, STATE
from .targets import TARGETS

log = logging.getLogger(__name__)
PERIOD = 2.0


async def probe(session, base):
    try:
        async with session.get(base + "/v1/models", timeout=aiohttp.ClientTimeout(total=2)) as resp:
            # anything below 500 means that the server is there
            return resp.status < 500
    except (aiohttp.ClientError, TimeoutError):
        return False


async def _loop(app):
    while True:
        for name, base in TARGETS.items():
            app[STATE][name] = await probe(app[SESSION], base)
        log.debug("state %s", app[STATE])
        await asyncio.sleep(PERIOD)


async def monitoring(app):
    task = asyncio.create_task(_loop(app))
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
