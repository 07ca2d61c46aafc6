import httpx

from constants import TABBY_HOST, TABBY_PORT
from credentials import api_key


async def sign(request):
    if request.url.host == TABBY_HOST and request.url.port == TABBY_PORT:
        request.headers["Authorization"] = f"Bearer {api_key()}"


def new_session(**options):
    return httpx.AsyncClient(event_hooks={"request": [sign]}, **options)
