#!/usr/bin/env python3
from http.server import ThreadingHTTPServer

from plugins import BACKENDS
from plugins.handler import Handler


def main():
    Handler.backends = {name: cls() for name, cls in BACKENDS.items()}
    server = ThreadingHTTPServer(("127.0.0.1", 9113), Handler)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
