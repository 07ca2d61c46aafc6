from __future__ import annotations

import os
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from .accounts import Accounts
from .catalogue import Catalogue
from .config import GateConfig, load
from .routes import internal, router
from .usage import Usage


def create_app(config: GateConfig | None = None) -> FastAPI:
    config = config or load(os.environ.get("LLMGATE_CONFIG", "gate.yml"))

    @asynccontextmanager
    async def lifespan(app: FastAPI):
        async with AsyncExitStack() as stack:
            app.state.accounts = Accounts(config.accounts)
            app.state.usage = Usage(config.database)
            stack.callback(app.state.usage.close)
            app.state.catalogue = await stack.enter_async_context(Catalogue(config))
            yield

    app = FastAPI(title="llmgate", lifespan=lifespan)
    app.include_router(router)
    app.include_router(internal)
    return app
