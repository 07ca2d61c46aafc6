import itertools
import os


def parse(value):
    for item in value.split(","):
        host, _, port = item.strip().partition(":")
        if host and port:
            yield f"http://{host}:{port}"


HOSTS = list(parse(os.environ.get("RELAY_HOSTS", "127.0.0.1:5000")))
_round = itertools.cycle(HOSTS)


def next_host():
    return next(_round)
