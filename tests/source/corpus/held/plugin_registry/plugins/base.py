import json
import urllib.error
import urllib.request


class Backend:
    name = "?"
    base = ""
    ping_path = "/"
    chat_path = "/v1/chat/completions"

    def extra_headers(self):
        return {}

    def alive(self):
        try:
            with urllib.request.urlopen(self.base + self.ping_path, timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def chat(self, payload):
        request = urllib.request.Request(
            self.base + self.chat_path,
            data=json.dumps(payload).encode(),
            headers={"Content-Type": "application/json", **self.extra_headers()},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
