import os

import requests
from flask import Flask, Response, request

app = Flask(__name__)

API_HOST = os.environ.get("API_HOST", "http://localhost:5000")
EXCLUDED = ["content-encoding", "content-length", "transfer-encoding", "connection"]


@app.get("/_status")
def upstream_status():
    verb = getattr(requests, "get")
    try:
        code = verb(API_HOST + "/health", timeout=2).status_code
    except requests.ConnectionError:
        code = 0
    return {"upstream": code}


@app.route("/", defaults={"path": ""}, methods=["GET", "POST", "DELETE"])
@app.route("/<path:path>", methods=["GET", "POST", "DELETE"])
def relay(path):
    res = requests.request(
        method=request.method,
        url=request.url.replace(request.host_url, f"{API_HOST}/"),
        headers={k: v for k, v in request.headers if k.lower() != "host"},
        data=request.get_data(),
        cookies=request.cookies,
        allow_redirects=False,
        stream=True,
    )
    headers = [(k, v) for k, v in res.raw.headers.items() if k.lower() not in EXCLUDED]
    return Response(res.iter_content(chunk_size=10 * 1024), res.status_code, headers)


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=9136)
