import uvicorn
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

from .completion import complete
from .deployments import DEPLOYMENTS

app = FastAPI()


class ChatRequest(BaseModel):
    model: str
    messages: list[dict]
    max_tokens: int = 64
    temperature: float = 0.7


@app.get("/health")
def health():
    return {"status": "ok", "deployments": sorted(DEPLOYMENTS)}


@app.post("/v1/chat/completions")
async def chat(body: ChatRequest):
    if body.model not in DEPLOYMENTS:
        raise HTTPException(404, "unknown model")
    answer = await complete(
        body.model, body.messages, max_tokens=body.max_tokens, temperature=body.temperature
    )
    return answer.model_dump()


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=9107)
