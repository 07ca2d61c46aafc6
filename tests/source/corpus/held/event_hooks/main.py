import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from constants import BACKEND_URLS
from session import new_session


async def backend_is_up(name):
    async with new_session(timeout=2) as session:
        try:
            answer = await session.get(f"{BACKEND_URLS[name]}/v1/models")
        except httpx.RequestError:
            return False
        return answer.status_code == 200


async def health(request):
    return JSONResponse({name: await backend_is_up(name) for name in BACKEND_URLS})


async def generate(request):
    body = await request.json()
    name = "mlx" if body.get("model", "").startswith("mlx-") else "tabby"
    if not await backend_is_up(name):
        raise HTTPException(503, f"{name} is not up")
    async with new_session(timeout=None) as session:
        answer = await session.post(f"{BACKEND_URLS[name]}{request.url.path}", json=body)
    return Response(answer.content, answer.status_code, media_type="application/json")


app = Starlette(
    routes=[
        Route("/health", health),
        Route("/v1/chat/completions", generate, methods=["POST"]),
        Route("/v1/completions", generate, methods=["POST"]),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=9131)
