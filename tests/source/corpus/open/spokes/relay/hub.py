"""Asks one spoke after the other until one answers."""
from pathlib import Path

import httpx
import yaml
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse

from relay.spokes import in_order, load

config = yaml.safe_load(Path("hub.yaml").read_text())
SPOKES = load(config)
app = FastAPI()


async def open_stream(spoke, path, body):
    """(client, answer, error); the caller closes what it is given."""
    client = httpx.AsyncClient(timeout=spoke.timeout_s)
    headers = {"content-type": "application/json"}
    if spoke.token:
        headers |= {"x-api-key": spoke.token}
    try:
        request = client.build_request("POST", spoke.url(path), content=body, headers=headers)
        answer = await client.send(request, stream=True)
    except httpx.HTTPError as error:
        await client.aclose()
        return None, None, error
    return client, answer, None


@app.get("/spokes")
async def spokes():
    states = {}
    async with httpx.AsyncClient(timeout=2) as client:
        for spoke in SPOKES:
            try:
                found = await client.get(spoke.url("/v1/models"))
                states[spoke.name] = found.status_code
            except httpx.HTTPError:
                states[spoke.name] = None
    return {name: code == 200 for name, code in states.items()}


@app.post("/v1/{kind:path}")
async def relay(kind: str, request: Request):
    body = await request.body()
    for spoke in in_order(SPOKES):
        client, answer, error = await open_stream(spoke, f"/v1/{kind}", body)
        if error is not None or answer.status_code >= 500:
            spoke.failures += 1
            continue

        async def chunks():
            async for chunk in answer.aiter_raw():
                yield chunk
            await client.aclose()

        return StreamingResponse(chunks(), answer.status_code)
    return JSONResponse({"error": "no spoke answers"}, 503)
