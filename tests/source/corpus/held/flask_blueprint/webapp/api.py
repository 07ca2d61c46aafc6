from flask import Blueprint, Response, jsonify, request, stream_with_context

from .extensions import backends

bp = Blueprint("api", __name__)


def select(model):
    return backends["kobold" if model and model.startswith("kobold/") else "tabby"]


@bp.get("/ready")
def ready():
    state = {name: client.alive() for name, client in backends.items()}
    return jsonify(state), 200 if all(state.values()) else 503


@bp.post("/v1/chat/completions")
def chat():
    payload = request.get_json(force=True)
    client = select(payload.get("model"))
    if payload.get("stream"):
        upstream = client.chat(payload, stream=True)
        return Response(
            stream_with_context(upstream.iter_content(chunk_size=None)),
            upstream.status_code,
            content_type=upstream.headers.get("Content-Type"),
        )
    upstream = client.chat(payload)
    return Response(upstream.content, upstream.status_code, mimetype="application/json")
