"""Sessions are kept by provider on the class, mounted with retries."""
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import requests
from flask import Flask, Response, jsonify, request
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

PROVIDERS = {
    "tabby": {"base_url": "http://127.0.0.1:5000", "auth": "bearer", "key": "TABBY_API_KEY"},
    "kobold": {"base_url": "http://127.0.0.1:5001", "auth": None, "key": None},
    "vllm": {"base_url": "http://127.0.0.1:8103", "auth": "header", "key": "VLLM_API_KEY"},
}
DROPPED = frozenset({"host", "content-length", "authorization", "connection"})


class ProxyService:
    _sessions: dict = {}
    _lock = threading.Lock()

    @classmethod
    def session(cls, provider):
        with cls._lock:
            if provider not in cls._sessions:
                session = requests.Session()
                adapter = HTTPAdapter(pool_maxsize=32, max_retries=Retry(total=0))
                session.mount("http://", adapter)
                session.mount("https://", adapter)
                session.trust_env = False
                cls._sessions[provider] = session
            return cls._sessions[provider]

    @staticmethod
    def headers(provider, incoming):
        kept = {k: v for k, v in incoming.items() if k.lower() not in DROPPED}
        details = PROVIDERS[provider]
        key = os.getenv(details["key"]) if details["key"] else None
        if details["auth"] == "bearer":
            kept["Authorization"] = f"Bearer {key}"
        elif details["auth"] == "header":
            kept["X-API-Key"] = key or ""
        return kept

    @classmethod
    def forward(cls, provider, path):
        return cls.session(provider).request(
            method=request.method,
            url=PROVIDERS[provider]["base_url"] + "/" + path.lstrip("/"),
            headers=cls.headers(provider, request.headers),
            params=request.args,
            data=request.get_data(),
            timeout=(5, 120),
            stream=True,
        )

    @classmethod
    def up(cls, provider):
        try:
            url = f"{PROVIDERS[provider]['base_url']}/v1/models"
            answer = cls.session(provider).get(url, timeout=2)
        except requests.RequestException:
            return provider, False
        return provider, answer.status_code not in (500, 502, 503)


app = Flask(__name__)


@app.get("/status")
def status():
    with ThreadPoolExecutor(4) as pool:
        return jsonify(dict(pool.map(ProxyService.up, PROVIDERS)))


@app.route("/<provider>/<path:path>", methods=["GET", "POST"])
def proxy(provider, path):
    if provider not in PROVIDERS:
        return jsonify(error="unknown provider"), 404
    answer = ProxyService.forward(provider, path)
    return Response(answer.iter_content(8192), answer.status_code)


if __name__ == "__main__":
    app.run("127.0.0.1", 9203)
