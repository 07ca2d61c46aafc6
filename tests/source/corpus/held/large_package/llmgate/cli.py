from __future__ import annotations

import argparse
import logging
import sys

import uvicorn

from . import __version__
from .app import create_app
from .config import ConfigError, load


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="llmgate")
    parser.add_argument("-c", "--config", default="gate.yml")
    parser.add_argument("--check", action="store_true", help="read the configuration and leave")
    parser.add_argument("--version", action="version", version=__version__)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO)
    try:
        config = load(args.config)
    except ConfigError as error:
        print(f"llmgate: {error}", file=sys.stderr)
        return 2
    if not args.check:
        uvicorn.run(create_app(config), host=config.server.host, port=config.server.port)
    return 0
