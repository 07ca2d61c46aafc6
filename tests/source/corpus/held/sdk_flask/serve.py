import os

from flask import Flask, Response, jsonify, request
from openai import OpenAI, OpenAIError

app = Flask(__name__)

PROFILES = {
    "chat": dict(base_url=os.getenv("CHAT_BASE", "http://localhost:5000/v1"), api_key="sk-no-key-required"),
    "code": dict(base_url=os.getenv("CODE_BASE", "http://localhost:8012/v1"), api_key="sk-no-key-required"),
}
_clients = {}


def client_for(profile):
    if profile not in _clients:
        _clients[profile] = OpenAI(max_retries=0, timeout=120, **PROFILES[profile])
    return _clients[profile]


@app.errorhandler(OpenAIError)
def upstream_failed(error):
    return jsonify(error=str(error)), getattr(error, "status_code", 502)


@app.get("/api/status")
def status():
    up = {}
    for profile in PROFILES:
        try:
            client_for(profile).with_options(timeout=2).models.list()
            up[profile] = True
        except OpenAIError:
            up[profile] = False
    return jsonify(up)


@app.post("/api/<profile>")
def ask(profile):
    if profile not in PROFILES:
        return jsonify(error="no such profile"), 404
    body = request.get_json()
    messages = [{"role": "user", "content": body["prompt"]}]
    client = client_for(profile)
    if body.get("stream"):
        stream = client.chat.completions.create(
            model=body.get("model", "default"), messages=messages, stream=True
        )
        return Response((c.choices[0].delta.content or "" for c in stream), mimetype="text/plain")
    answer = client.chat.completions.create(model=body.get("model", "default"), messages=messages)
    return jsonify(text=answer.choices[0].message.content)


if __name__ == "__main__":
    app.run("127.0.0.1", 9122)
