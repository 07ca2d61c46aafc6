"""OpenAI clients are made once for each base URL and key, by a cached function."""
import json
import os
from functools import lru_cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from openai import APIStatusError, OpenAI

ROUTES = {
    "local": ("LOCAL_BASE", "LOCAL_KEY"),
    "remote": ("REMOTE_BASE", "REMOTE_KEY"),
}


@lru_cache(maxsize=None)
def client_for(base_url, api_key):
    return OpenAI(base_url=base_url, api_key=api_key, max_retries=0, timeout=60)


def client_of(route):
    base, key = map(os.environ.__getitem__, ROUTES[route])
    return client_for(base, key)


def route_of(model):
    return "remote" if model.startswith(("gpt", "claude")) else "local"


def complete(body):
    client = client_of(route_of(body["model"]))
    create = partial(client.chat.completions.create, model=body["model"])
    return create(messages=body["messages"], temperature=body.get("temperature", 0.7))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        found = {}
        for route in ROUTES:
            try:
                found[route] = [model.id for model in client_of(route).models.list()]
            except APIStatusError as error:
                found[route] = error.status_code
        self.reply(200, found)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            self.reply(200, complete(body).model_dump())
        except APIStatusError as error:
            self.reply(error.status_code, {"error": str(error)})

    def reply(self, status, content):
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9202"))), Handler).serve_forever()
