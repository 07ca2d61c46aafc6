from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse
from openai import APIConnectionError, APIStatusError

from .upstreams import build_upstreams, choose

app = FastAPI(title="llmhub")
UPSTREAMS = build_upstreams()


@app.exception_handler(APIStatusError)
async def relay_status(_, exc: APIStatusError):
    return JSONResponse({"error": {"message": exc.message}}, status_code=exc.status_code)


@app.exception_handler(APIConnectionError)
async def relay_connection(_, exc: APIConnectionError):
    return JSONResponse({"error": {"message": "backend unreachable"}}, status_code=502)


@app.get("/v1/models")
async def models():
    data = []
    for upstream in UPSTREAMS.values():
        try:
            listing = await upstream.client.models.list()
        except (APIStatusError, APIConnectionError):
            continue
        data.extend(m.model_dump() for m in listing.data)
    return {"object": "list", "data": data}


@app.post("/v1/chat/completions")
async def chat(request: Request):
    params = await request.json()
    upstream = choose(UPSTREAMS, params.get("model", ""))
    if not params.pop("stream", False):
        completion = await upstream.client.chat.completions.create(**params)
        return completion.model_dump()

    async def events():
        stream = await upstream.client.chat.completions.create(**params, stream=True)
        async for chunk in stream:
            yield f"data: {chunk.model_dump_json()}\n\n"
        yield "data: [DONE]\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


@app.post("/v1/embeddings")
async def embeddings(request: Request):
    params = await request.json()
    client = choose(UPSTREAMS, params.get("model", "")).client
    result = await client.embeddings.create(model=params["model"], input=params["input"])
    return result.model_dump()
