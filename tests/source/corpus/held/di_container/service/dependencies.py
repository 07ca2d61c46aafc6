from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Header

from .http_upstream import HttpUpstream
from .protocol import ChatUpstream
from .settings import AppSettings, load


async def get_upstream(
    settings: Annotated[AppSettings, Depends(load)],
    x_route: Annotated[str, Header()] = "local",
) -> AsyncIterator[ChatUpstream]:
    chosen = settings.cloud if x_route == "cloud" else settings.local
    async with HttpUpstream(chosen) as upstream:
        yield upstream


Upstream = Annotated[ChatUpstream, Depends(get_upstream)]
