import logging

import httpx
from tenacity import (
    before_sleep_log,
    retry,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
)

from . import settings

logger = logging.getLogger(__name__)


class UpstreamUnavailable(Exception):
    """Raised for answers worth another try."""


class ChainExhausted(Exception):
    pass


_client = httpx.AsyncClient(
    timeout=httpx.Timeout(180, connect=3),
    headers={"Authorization": f"Bearer {settings.UPSTREAM_KEY}"},
)


@retry(
    retry=retry_if_exception_type((UpstreamUnavailable, httpx.TransportError)),
    stop=stop_after_attempt(settings.MAX_ATTEMPTS),
    wait=wait_exponential(multiplier=0.05, max=1),
    before_sleep=before_sleep_log(logger, logging.WARNING),
    reraise=True,
)
async def _post(url: str, payload: dict) -> httpx.Response:
    response = await _client.post(f"{url}/v1/chat/completions", json=payload)
    if response.status_code in {502, 503, 504}:
        raise UpstreamUnavailable(f"{url} -> {response.status_code}")
    return response


async def complete(payload: dict) -> httpx.Response:
    errors = []
    for url in settings.CHAIN:
        try:
            return await _post(url, payload)
        except (UpstreamUnavailable, httpx.TransportError) as exc:
            errors.append(str(exc))
    raise ChainExhausted("; ".join(errors))


async def ping(url: str) -> bool:
    try:
        return (await _client.get(f"{url}/health", timeout=2)).status_code == 200
    except httpx.HTTPError:
        return False
