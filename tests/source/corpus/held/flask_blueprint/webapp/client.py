import requests


class BackendClient:
    """Thin wrapper around a session that belongs to one backend."""

    def __init__(self, url, key=None, timeout=60):
        self.url = url.rstrip("/")
        self.timeout = timeout
        self.session = requests.Session()
        self.session.headers.update({"User-Agent": "webapp-router/1.2"})
        if key:
            self.session.headers["Authorization"] = "Bearer " + key

    def alive(self):
        try:
            return self.session.get(self.url + "/v1/models", timeout=2).ok
        except requests.RequestException:
            return False

    def chat(self, payload, stream=False):
        return self.session.post(
            self.url + "/v1/chat/completions", json=payload, stream=stream, timeout=self.timeout
        )
