import json
from http.server import BaseHTTPRequestHandler


class Handler(BaseHTTPRequestHandler):
    backends = {}

    def do_GET(self):
        if self.path != "/health":
            return self.send_error(404)
        state = {name: backend.alive() for name, backend in self.backends.items()}
        self.answer(200, json.dumps(state).encode())

    def do_POST(self):
        payload = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        name, _, model = payload.get("model", "").partition("/")
        backend = self.backends.get(name)
        if backend is None:
            return self.send_error(404, "no such backend")
        payload["model"] = model
        self.answer(*backend.chat(payload))

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass
