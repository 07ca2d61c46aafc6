import json
import logging
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)

API_KEY = os.environ.get("API_KEY", "")
INTERVAL = float(os.environ.get("INTERVAL", "1"))


@dataclass
class Server:
    url: str
    up: bool = False
    last_seen: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)


SERVERS = [Server(u) for u in os.environ["SERVERS"].split()]


def is_alive(server):
    try:
        r = requests.get(f"{server.url}/v1/models", headers={"Authorization": f"Bearer {API_KEY}"}, timeout=2)
    except requests.RequestException:
        return False
    return r.status_code == 200


def monitor():
    with ThreadPoolExecutor(max_workers=8) as pool:
        while True:
            for server, alive in zip(SERVERS, pool.map(is_alive, SERVERS)):
                with server.lock:
                    server.up = alive
                    if alive:
                        server.last_seen = time.time()
            time.sleep(INTERVAL)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps([{"url": s.url, "up": s.up} for s in SERVERS]).encode()
        self.finish_with(200, body)

    def do_POST(self):
        length = int(self.headers.get("content-length", 0))
        kwargs = {
            "data": self.rfile.read(length),
            "headers": {"Content-Type": "application/json"},
            "timeout": 300,
        }
        for server in sorted(SERVERS, key=lambda s: -s.last_seen):
            if not server.up:
                continue
            try:
                r = requests.request("POST", server.url + self.path, **kwargs)
            except requests.ConnectionError:
                server.up = False
                continue
            return self.finish_with(r.status_code, r.content)
        self.finish_with(503, b'{"error": "no server"}')

    def finish_with(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        logging.debug(format, *args)


if __name__ == "__main__":
    threading.Thread(target=monitor, daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", 9133), Handler).serve_forever()
