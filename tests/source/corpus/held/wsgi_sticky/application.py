"""WSGI, no framework: sessions stay on the backend that they began with."""
import hashlib
import json
import os
from http import HTTPStatus
from urllib.parse import urlparse
from wsgiref.simple_server import make_server

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.util.retry import Retry

POOL = os.environ.get("POOL", "http://127.0.0.1:5000 http://127.0.0.1:8080").split()


class PerHostKey(AuthBase):
    """Adds the key that belongs to the host of the request."""

    def __init__(self, keys):
        self.keys = keys

    def __call__(self, r):
        key = self.keys.get(urlparse(r.url).netloc)
        if key:
            r.headers["Authorization"] = f"Bearer {key}"
        return r


def make_session():
    s = requests.Session()
    s.auth = PerHostKey(json.loads(os.environ.get("HOST_KEYS", "{}")))
    s.mount("http://", HTTPAdapter(max_retries=Retry(total=1, backoff_factor=0.05)))
    return s


session = make_session()


def backend_for(user):
    digest = hashlib.sha256(user.encode()).digest()
    return POOL[digest[0] % len(POOL)]


def application(environ, start_response):
    length = int(environ.get("CONTENT_LENGTH") or 0)
    raw = environ["wsgi.input"].read(length)
    user = environ.get("HTTP_X_SESSION") or environ["REMOTE_ADDR"]
    base = backend_for(user)
    path = environ["PATH_INFO"]
    if path == "/health":
        ok = session.get(f"{base}/v1/models", timeout=2).status_code == 200
        start_response("200 OK" if ok else "503 Service Unavailable", [("Content-Type", "text/plain")])
        return [b"ok" if ok else b"down"]
    answer = session.request(
        environ["REQUEST_METHOD"],
        base + path,
        data=raw,
        headers={"Content-Type": environ.get("CONTENT_TYPE", "application/json")},
    )
    status = HTTPStatus(answer.status_code)
    start_response(f"{status.value} {status.phrase}", [("Content-Type", "application/json")])
    return [answer.content]


if __name__ == "__main__":
    make_server("127.0.0.1", 9127, application).serve_forever()
