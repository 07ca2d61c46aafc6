import logging

from aiohttp import web

from edge.application import make_app

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    web.run_app(make_app(), host="127.0.0.1", port=9110, print=None)
