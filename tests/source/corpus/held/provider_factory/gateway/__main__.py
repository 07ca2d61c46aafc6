import argparse

import uvicorn

from .server import build


def main():
    parser = argparse.ArgumentParser(prog="gateway")
    parser.add_argument("--config", default="gateway.yaml")
    parser.add_argument("--port", type=int, default=9102)
    args = parser.parse_args()
    uvicorn.run(build(args.config), host="127.0.0.1", port=args.port, log_level="warning")


if __name__ == "__main__":
    main()
