import configparser
import json
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from socketserver import ThreadingMixIn

HERE = Path(__file__).resolve().parent


def get_config(filename="config.ini"):
    config = configparser.ConfigParser()
    config.read(HERE / filename)
    token = config.get("auth", "token", fallback=None)
    servers = [
        (name, {"url": config[name]["url"].rstrip("/"), "queue": Queue()})
        for name in config.sections()
        if name != "auth"
    ]
    return token, servers


TOKEN, SERVERS = get_config()
LOCK = threading.Lock()


def open_upstream(url, data=None, timeout=120):
    req = urllib.request.Request(url, data=data)
    req.add_header("Content-Type", "application/json")
    if TOKEN:
        req.add_header("Authorization", "Bearer %s" % TOKEN)
    return urllib.request.urlopen(req, timeout=timeout)


def is_server_available(info):
    try:
        with open_upstream(info["url"] + "/v1/models", timeout=2) as r:
            return r.status == 200
    except (urllib.error.URLError, TimeoutError):
        return False


class RequestHandler(BaseHTTPRequestHandler):
    def _least_busy(self):
        with LOCK:
            alive = [s for s in SERVERS if is_server_available(s[1])]
            return min(alive, key=lambda s: s[1]["queue"].qsize(), default=None)

    def _reply(self, code, body):
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        names = [name for name, info in SERVERS if is_server_available(info)]
        self._reply(200, json.dumps({"available": names}).encode())

    def do_POST(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        chosen = self._least_busy()
        if chosen is None:
            return self._reply(503, b'{"error": "no server"}')
        queue = chosen[1]["queue"]
        queue.put_nowait(1)
        try:
            with open_upstream(chosen[1]["url"] + "/v1/chat/completions", data) as r:
                self._reply(r.status, r.read())
        except urllib.error.HTTPError as e:
            self._reply(e.code, e.read())
        finally:
            queue.get_nowait()

    def log_message(self, *args):
        pass


class ThreadedHTTPServer(ThreadingMixIn, HTTPServer):
    daemon_threads = True


if __name__ == "__main__":
    ThreadedHTTPServer(("127.0.0.1", 9120), RequestHandler).serve_forever()
