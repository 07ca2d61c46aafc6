#!/usr/bin/env python3
"""A reverse proxy made of the standard library alone."""
import argparse
import http.client
import socketserver
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

SKIP = {"host", "connection", "keep-alive", "transfer-encoding", "content-length"}


class Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream = "http://127.0.0.1:5000"

    def handle_one(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else None
        target = urlsplit(self.upstream)
        headers = {}
        for name in self.headers:
            if name.lower() in SKIP:
                continue
            headers[name] = self.headers[name]
        headers["X-Forwarded-For"] = self.client_address[0]
        conn = http.client.HTTPConnection(target.hostname, target.port, timeout=600)
        try:
            conn.request(self.command, self.path, body=body, headers=headers)
            answer = conn.getresponse()
            data = answer.read()
        except OSError as error:
            self.send_error(502, str(error))
            return
        finally:
            conn.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in SKIP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = handle_one

    def log_message(self, format, *args):
        pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", type=int, default=9118)
    parser.add_argument("--upstream", default=Proxy.upstream)
    options = parser.parse_args()
    Proxy.upstream = options.upstream
    with Server(("127.0.0.1", options.listen), Proxy) as server:
        server.serve_forever()
