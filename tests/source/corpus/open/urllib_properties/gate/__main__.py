import json
from wsgiref.simple_server import WSGIRequestHandler, make_server

from gate import PROVIDERS


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/ready":
        status, body = 200, json.dumps({n: p.ready() for n, p in PROVIDERS.items()}).encode()
    else:
        size = int(environ.get("CONTENT_LENGTH") or 0)
        payload = json.loads(environ["wsgi.input"].read(size))
        name = path.strip("/").partition("/")[0]
        provider = PROVIDERS.get(name) or PROVIDERS["tabby"]
        status, body = provider.complete(payload)
    start_response(f"{status} x", [("Content-Type", "application/json")])
    return [body]


make_server("127.0.0.1", 9204, application, handler_class=Quiet).serve_forever()
