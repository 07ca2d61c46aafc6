"""The front: one model, one server, and a spare."""
from fastapi import FastAPI, HTTPException

from .client import ServerClient, ServerError
from .settings import ServerConfig

app = FastAPI()
main = ServerClient(ServerConfig.from_env("MAIN"))
spare = ServerClient(ServerConfig.from_env("SPARE"))


@app.get("/healthz")
def healthz():
    return {"main": main.alive(), "spare": spare.alive()}


@app.get("/v1/models")
def models():
    try:
        return {"data": main.models()}
    except ServerError as error:
        raise HTTPException(error.status, "models") from error


@app.post("/v1/chat/completions")
def chat(payload: dict):
    server = spare if payload.pop("spare", False) else main
    try:
        return server.chat(payload)
    except ServerError as error:
        raise HTTPException(error.status, str(error)) from error
