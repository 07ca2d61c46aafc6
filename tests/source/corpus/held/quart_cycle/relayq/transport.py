import os

import aiohttp

TIMEOUT = aiohttp.ClientTimeout(total=6 * 60 * 60)


async def forward_request(url, data):
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        headers = {"Authorization": f"Bearer {os.environ.get('OPENAI_API_KEY')}"}
        async with session.post(url=url, json=data, headers=headers) as response:
            if response.status == 200:
                async for chunk in response.content.iter_chunked(1024):
                    yield chunk
            else:
                yield await response.read()
