import json
import os

import tornado.ioloop
import tornado.web
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.options import define, options, parse_command_line

define("port", default=9119)
define("tabby", default="http://127.0.0.1:5000")
define("tei", default="http://127.0.0.1:8181")

AUTH = {"Authorization": "Bearer {}".format(os.environ.get("TABBY_API_KEY", ""))}


class ChatHandler(tornado.web.RequestHandler):
    def initialize(self, client):
        self.client = client

    async def post(self):
        outgoing = HTTPRequest(
            options.tabby + "/v1/chat/completions",
            method="POST",
            headers={"Content-Type": "application/json", **AUTH},
            body=self.request.body,
            request_timeout=300,
        )
        response = await self.client.fetch(outgoing, raise_error=False)
        self.set_status(response.code)
        self.set_header("Content-Type", "application/json")
        self.finish(response.body)


class EmbedHandler(tornado.web.RequestHandler):
    def initialize(self, client):
        self.client = client

    async def post(self):
        response = await self.client.fetch(
            options.tei + "/embed", method="POST", body=self.request.body, raise_error=False
        )
        self.set_status(response.code)
        self.finish(response.body)


class HealthHandler(tornado.web.RequestHandler):
    def initialize(self, client):
        self.client = client

    async def get(self):
        try:
            await self.client.fetch(options.tabby + "/v1/models", headers=AUTH, request_timeout=2)
            self.finish(json.dumps({"tabby": True}))
        except (HTTPClientError, OSError):
            self.set_status(503)
            self.finish(json.dumps({"tabby": False}))


def make_app():
    shared = {"client": AsyncHTTPClient()}
    return tornado.web.Application(
        [
            (r"/v1/chat/completions", ChatHandler, shared),
            (r"/embed", EmbedHandler, shared),
            (r"/health", HealthHandler, shared),
        ]
    )


if __name__ == "__main__":
    parse_command_line()
    make_app().listen(options.port, address="127.0.0.1")
    tornado.ioloop.IOLoop.current().start()
