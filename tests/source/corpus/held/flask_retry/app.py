import logging
import time
from urllib.parse import urljoin

import requests
from flask import Flask, Response, abort, jsonify, request

logging.basicConfig(level="INFO")
app = Flask(__name__)

SERVERS = {
    "default": "http://127.0.0.1:5000/",
    "vision": "http://127.0.0.1:8090/",
}
RETRIES = 3


class GatewayError(Exception):
    pass


def server_for(data):
    for message in data.get("messages", []):
        content = message.get("content")
        if isinstance(content, list) and any(p.get("type") == "image_url" for p in content):
            return SERVERS["vision"]
    return SERVERS["default"]


def post_with_retry(url, data):
    delay = 0.05
    for attempt in range(1, RETRIES + 1):
        try:
            resp = requests.post(url, json=data, timeout=(3, 300))
            if resp.status_code < 500:
                return resp
            app.logger.warning("attempt %d: %s", attempt, resp.status_code)
        except requests.exceptions.ConnectionError as e:
            app.logger.warning("attempt %d: %s", attempt, type(e).__name__)
        time.sleep(delay)
        delay *= 2
    raise GatewayError(url)


@app.route("/ping")
def ping():
    result = {}
    for name, base in SERVERS.items():
        try:
            result[name] = requests.get(urljoin(base, "health"), timeout=1).status_code == 200
        except requests.exceptions.RequestException:
            result[name] = False
    return jsonify(result)


@app.route("/v1/chat/completions", methods=["POST"])
def chat():
    data = request.get_json(silent=True)
    if not data:
        abort(400)
    url = urljoin(server_for(data), "v1/chat/completions")
    try:
        resp = post_with_retry(url, data)
    except GatewayError:
        return jsonify(error="all attempts failed"), 502
    return Response(resp.content, status=resp.status_code, content_type=resp.headers["Content-Type"])


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=9117)
