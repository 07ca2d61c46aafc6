import os
from enum import Enum

import requests
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel


class Tier(Enum):
    SMALL = "small"
    LARGE = "large"


SMALL_URL = os.environ.get("SMALL_URL", "http://127.0.0.1:8080/v1")
LARGE_URL = os.environ.get("LARGE_URL", "http://127.0.0.1:5000/v1")

session = requests.Session()
if "TABBY_API_KEY" in os.environ:
    session.headers.update({"Authorization": f"Bearer {os.environ['TABBY_API_KEY']}"})

app = FastAPI()


class Ask(BaseModel):
    prompt: str
    max_tokens: int = 128


def url_of(tier: Tier) -> str:
    match tier:
        case Tier.SMALL:
            return SMALL_URL
        case Tier.LARGE:
            return LARGE_URL


def classify(prompt: str) -> Tier:
    question = f"Is this a hard question? Answer yes or no.\n\n{prompt[:2000]}"
    answer = session.post(
        SMALL_URL + "/completions",
        json={"model": "small", "prompt": question, "max_tokens": 3},
        timeout=10,
    )
    text = answer.json()["choices"][0].get("text", "")
    return Tier.LARGE if "yes" in text.lower() or len(prompt) > 40 else Tier.SMALL


@app.post("/ask")
def ask(body: Ask):
    tier = classify(body.prompt)
    result = session.post(
        f"{url_of(tier)}/chat/completions",
        json={
            "model": tier.value,
            "messages": [{"role": "user", "content": body.prompt}],
            "max_tokens": body.max_tokens,
        },
        timeout=300,
    )
    return {"tier": tier.value, "status": result.status_code, "answer": result.json()}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=9124, log_level="warning")
