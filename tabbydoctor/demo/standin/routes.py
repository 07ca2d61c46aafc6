"""The stand-in's endpoints: TabbyAPI's core, OpenAI and Kobold routes that clients ask."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from .httpd import Answer, HTTPError, RouteFunction, Routes, ServedRequest, as_json
from .service import Service

REPOSITORY = "https://github.com/theroyallab/tabbyAPI"
DOCUMENTATION = "https://theroyallab.github.io/tabbyAPI"
REPLY = "Hello."


def routes(service: Service) -> Routes:
    """Path, then method, then endpoint, for the API servers the configuration enables."""
    api = Endpoints(service)
    core: dict[str, dict[str, RouteFunction]] = {
        "/health": {"GET": api.health},
        "/.well-known/serviceinfo": {"GET": _service_info},
        "/openapi.json": {"GET": _openapi, "HEAD": _openapi},
        "/docs": {"GET": _docs, "HEAD": _docs},
        "/redoc": {"GET": _docs, "HEAD": _docs},
        "/v1/auth/permission": {"GET": api.permission},
        "/v1/models": {"GET": api.models},
        "/v1/model/list": {"GET": api.models},
        "/v1/model": {"GET": api.model},
        "/v1/model/load": {"POST": api.load},
        "/v1/model/unload": {"POST": api.unload},
    }
    openai: dict[str, dict[str, RouteFunction]] = {
        "/v1/completions": {"POST": api.completion},
        "/v1/chat/completions": {"POST": api.chat},
    }
    kobold: dict[str, dict[str, RouteFunction]] = {
        "/api/v1/model": {"GET": api.kobold_model},
        "/api/latest/model": {"GET": api.kobold_model},
        "/api/v1/info/version": {"GET": lambda _: as_json({"result": "1.2.5"})},
        "/api/latest/info/version": {"GET": lambda _: as_json({"result": "1.2.5"})},
        "/api/extra/version": {
            "GET": lambda _: as_json({"result": "KoboldCpp", "version": "1.74"})
        },
    }
    servers = service.api_servers
    return core | (openai if "oai" in servers else {}) | (kobold if "kobold" in servers else {})


class Endpoints:
    """What each route does with the service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._keys = service.keys

    def health(self, _: ServedRequest) -> Answer:
        """200, or 503 with the issues that never clear."""
        issues = self._service.issues
        status = "unhealthy" if issues else "healthy"
        return as_json({"status": status, "issues": issues}, 503 if issues else 200)

    def permission(self, request: ServedRequest) -> Answer:
        """What the key may."""
        self._keys.require_api(request.headers)
        try:
            return as_json({"permission": self._keys.permission(request.headers)})
        except ValueError as error:
            raise HTTPError(400, self._service.complain(str(error))) from error

    def models(self, request: ServedRequest) -> Answer:
        """The loaded model; every model for the admin key."""
        self._keys.require_api(request.headers)
        if self._keys.permission(request.headers) == "admin":
            names = [path.name for path in self._service.model_dir.iterdir() if path.is_dir()]
        else:
            names = [self._service.loaded.name] if self._service.loaded else []
        cards = [_card(name) for name in self._service.dummy_models + names]
        return as_json({"object": "list", "data": cards})

    def model(self, request: ServedRequest) -> Answer:
        """The loaded model's card."""
        self._keys.require_api(request.headers)
        return as_json(_card(self._loaded().name, self._service.parameters))

    def load(self, request: ServedRequest) -> Answer:
        """Load a model, reporting its progress as events."""
        data = _document(request, "model_name", lambda: self._keys.require_admin(request.headers))
        if not data["model_name"]:
            fault = "A model name was not provided for load."
            raise HTTPError(400, self._service.complain(fault))
        path = self._service.model_dir / data["model_name"]
        if not path.exists():
            fault = "Could not find the model path for load. Check model name or config.yml?"
            raise HTTPError(400, self._service.complain(fault))
        events = self._progress(path)
        return Answer(content_type="text/event-stream; charset=utf-8", events=events)

    def _progress(self, path: Path) -> Iterator[str]:
        try:
            self._service.load_model(path)
        except ValueError as error:
            message = self._service.complain(str(error))
            yield json.dumps({"error": {"message": message, "trace": None}})
            return
        for status in ("processing", "finished"):
            yield json.dumps({"model_type": "model", "module": 1, "modules": 1, "status": status})

    def unload(self, request: ServedRequest) -> Answer:
        """Forget the model."""
        self._keys.require_admin(request.headers)
        self._loaded()
        self._service.loaded = None
        return as_json(None)

    def completion(self, request: ServedRequest) -> Answer:
        """A canned completion."""
        data = _document(request, "prompt", lambda: self._keys.require_api(request.headers))
        return self._generate(data, request, "text_completion")

    def chat(self, request: ServedRequest) -> Answer:
        """A canned chat completion."""
        data = _document(request, "messages", lambda: self._keys.require_api(request.headers))
        return self._generate(data, request, "chat.completion")

    def kobold_model(self, request: ServedRequest) -> Answer:
        """The loaded model, for Kobold's clients."""
        self._keys.require_api(request.headers)
        return as_json({"result": f"tabbyAPI/{self._loaded().name}"})

    def _generate(self, data: dict[str, Any], request: ServedRequest, kind: str) -> Answer:
        if data.get("model"):
            self._switch(str(data["model"]), request)
        else:
            self._loaded()
        if self._service.loaded is None:
            raise AttributeError("'NoneType' object has no attribute 'model_dir'")
        name = self._service.loaded.name
        if data.get("stream"):
            events = _chunks(kind, name)
            return Answer(content_type="text/event-stream; charset=utf-8", events=events)
        part = {"message": {"role": "assistant", "content": REPLY}}
        choice = {"index": 0, "finish_reason": "stop"}
        choice |= part if kind.startswith("chat") else {"text": REPLY}
        usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
        return as_json(_envelope(kind, name) | {"choices": [choice], "usage": usage})

    def _switch(self, name: str, request: ServedRequest) -> None:
        """Inline loading: only for the admin key, and never an error for an unknown model."""
        service = self._service
        if service.loaded is not None and service.loaded.name == name:
            return
        if not service.inline_loading:
            return
        if name in service.dummy_models:
            return
        if self._keys.permission(request.headers) != "admin":
            fault = f"Unable to switch model to {name} because an admin key isn't provided"
            raise HTTPError(401, service.complain(fault))
        path = service.model_dir / name
        if path.exists():
            service.load_model(path)
        else:
            service.log.warning(f"Could not find model path {path}. Skipping inline model load.")

    def _loaded(self) -> Path:
        if self._service.loaded is None:
            fault = self._service.complain("No models are currently loaded.")
            raise HTTPError(self._service.behaviour.no_model_status, fault)
        return self._service.loaded


def _document(request: ServedRequest, required: str, authorise: Any) -> dict[str, Any]:
    """The JSON body. Broken JSON is told before the key is asked for, a missing field after."""
    is_json = "json" in request.headers.get("content-type", "")
    data: Any = request.body.decode("latin-1")
    try:
        data = json.loads(request.body) if is_json and request.body else data
    except json.JSONDecodeError as error:
        broken = _invalid("json_invalid", ["body", error.pos], "JSON decode error", {})
        broken.detail[0]["ctx"] = {"error": error.msg}
        raise broken from error
    authorise()
    if not request.body:
        raise _invalid("missing", ["body"], "Field required", None)
    if not isinstance(data, dict):
        wanted = "Input should be a valid dictionary or object to extract fields from"
        raise _invalid("model_attributes_type", ["body"], wanted, data)
    if required not in data:
        raise _invalid("missing", ["body", required], "Field required", data)
    return data


def _invalid(kind: str, where: list[str | int], message: str, given: Any) -> HTTPError:
    return HTTPError(422, [{"type": kind, "loc": where, "msg": message, "input": given}])


def _card(name: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
    card = {"id": name, "object": "model", "created": int(time.time()), "owned_by": "tabbyAPI"}
    return card | {"logging": None, "parameters": parameters}


def _envelope(kind: str, model: str) -> dict[str, Any]:
    prefix = "chatcmpl" if kind.startswith("chat") else "cmpl"
    created = int(time.time())
    return {"id": f"{prefix}-{uuid4().hex}", "object": kind, "created": created, "model": model}


def _chunks(kind: str, model: str) -> Iterator[str]:
    chat = kind.startswith("chat")
    for text, reason in ((REPLY, None), ("", "stop")):
        part: dict[str, Any] = {"delta": {"content": text}} if chat else {"text": text}
        choice = {"index": 0, "finish_reason": reason} | part
        kind_of_chunk = "chat.completion.chunk" if chat else kind
        yield json.dumps(_envelope(kind_of_chunk, model) | {"choices": [choice]})
    yield "[DONE]"


def _service_info(_: ServedRequest) -> Answer:
    software = {"name": "TabbyAPI", "repository": REPOSITORY, "homepage": REPOSITORY}
    common = {"documentation": DOCUMENTATION, "version": 1}
    openai = {"name": "OpenAI API", "relative_url": "/v1"} | common
    kobold = {"name": "KoboldAI API", "relative_url": "/api"} | common
    api = {"openai": openai, "koboldai": kobold}
    return as_json({"version": 0.1, "software": software, "api": api})


def _openapi(_: ServedRequest) -> Answer:
    return as_json({"openapi": "3.1.0", "info": {"title": "TabbyAPI", "version": "0.1.0"}})


def _docs(_: ServedRequest) -> Answer:
    page = b"<!DOCTYPE html><title>TabbyAPI</title>"
    return Answer(200, page, "text/html; charset=utf-8")
