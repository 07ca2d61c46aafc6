"""Configurations of HAProxy in front of TabbyAPI, as `sites.py` has those of nginx.

`$CHECK` is how often a server is asked for its health.
"""

from __future__ import annotations

from tests.routers.gateways.sites import Site

DEFAULTS = """\
defaults
    mode http
    timeout connect 5s
    timeout client 600s
    timeout server 600s
"""
FRONT = """\
frontend llm
    bind 127.0.0.1:8080
    default_backend tabby
"""
KEYED = 'http-request set-header Authorization "Bearer $KEY"'


def back(*lines: str, more: str = "", name: str = "tabby", to: int = 5000) -> str:
    """A backend with one server."""
    inside = "".join(f"    {line}\n" for line in lines)
    return f"backend {name}\n{inside}    server one 127.0.0.1:{to} {more}\n"


def whole(*lines: str, more: str = "", front: str = FRONT, defaults: str = DEFAULTS) -> str:
    """A configuration with one backend."""
    return defaults + front + back(*lines, more=more)


def if_(condition: str) -> str:
    """The frontend, for some requests alone."""
    return FRONT.replace("default_backend tabby", f"use_backend tabby if {{ {condition} }}")


CALLERS = 'http-request deny unless { req.hdr(Authorization) -m str "Bearer $KEY" }'
FOR_ALL = f"    {KEYED}\n    use_backend web if {{ path_beg /web/ }}\n    default_"
LISTEN = f"listen llm\n    bind 127.0.0.1:8080\n    {KEYED}\n    server one 127.0.0.1:5000\n"
NOT_PUT_IN = "http-request set-header Authorization 'Bearer ${TABBY_API_KEY}'"
TCP = DEFAULTS.replace("http", "tcp")
SHORT = DEFAULTS.replace("server 600s", "server 50000")
BY_MODELS = "option httpchk GET /v1/models"
BY_MODEL = "http-check send meth GET uri /v1/model"
CHECKED = "check inter 100ms"
PROXIES = (
    # in order
    Site("all of it", whole(KEYED)),
    Site("asked by GET /health", whole(KEYED, "option httpchk GET /health", more=CHECKED)),
    Site("asked by a connection", whole(KEYED, more=CHECKED)),
    Site(
        "asked with the key",
        whole(
            KEYED,
            "option httpchk",
            'http-check send meth GET uri /v1/models hdr Authorization "Bearer $KEY"',
            more=CHECKED,
        ),
    ),
    Site("the key in the frontend", whole(front=FRONT + f"    {KEYED}\n")),
    Site(
        "a prefix taken off",
        whole(
            KEYED,
            "http-request replace-path /llm(/.*) \\1",
            front=FRONT.replace("default_", "acl llm path_beg /llm/\n    use_").replace(
                "use_backend tabby", "use_backend tabby if llm"
            ),
        ),
    ),
    Site(
        "by host",
        whole(
            KEYED,
            front=if_("hdr(host) -i llm.example"),
        ),
        host="llm.example",
    ),
    Site(
        "its callers have the key",
        whole(front=f"{FRONT}    {CALLERS}\n"),
    ),
    Site(
        "one section for all",
        DEFAULTS + LISTEN,
    ),
    Site(
        "an older check beside the right one",
        whole(KEYED, "option httpchk OPTIONS /", "option httpchk GET /health", more=CHECKED),
    ),
    # not in order
    Site("no key", whole(), ("RTR002",)),
    Site("a minute", whole(KEYED, "timeout server 60s"), ("RTR014",)),
    Site("fifty thousand", whole(KEYED, defaults=SHORT), ("RTR014",)),
    Site("asked by OPTIONS", whole(KEYED, "option httpchk", more=CHECKED), ("RTR007",)),
    Site("asked by HEAD", whole(KEYED, "option httpchk HEAD /health", more=CHECKED), ("RTR007",)),
    Site("asked without a key", whole(KEYED, BY_MODELS, more=CHECKED), ("RTR001",)),
    Site(
        "asked without a key, and with another line that counts",
        whole(KEYED, "option httpchk GET /health", BY_MODEL, more=CHECKED),
        ("RTR001",),
    ),
    Site(
        "401 is fine",
        whole(KEYED, BY_MODELS, "http-check expect status 401", more=CHECKED),
        ("RTR001", "RTR003"),
    ),
    Site("another key", whole(KEYED.replace("$KEY", "wrong-key-0123456789")), ("RTR005",)),
    Site("the admin key", whole(KEYED.replace("$KEY", "$ADMIN")), ("RTR004",)),
    Site("not put in", whole(NOT_PUT_IN), ("RTR005",)),
    Site("without Bearer", whole(KEYED.replace("Bearer ", "")), ("RTR002",)),
    Site(
        "only where the caller has none",
        whole(f"{KEYED} unless {{ req.hdr(authorization) -m found }}"),
        ("RTR002",),
    ),
    Site("v1 taken off", whole(KEYED, "http-request replace-path /v1(/.*) \\1"), ("RTR016",)),
    Site(
        "v1 put before it",
        whole(KEYED, "http-request set-path /v1%[path]", front=if_("path_beg /v1/")),
        ("RTR016",),
    ),
    Site(
        "a prefix kept",
        whole(KEYED, front=if_("path_beg /llm/")),
        ("RTR016",),
    ),
    Site("bytes alone", whole(KEYED, "mode tcp", defaults=TCP, front=FRONT), ("RTR002",)),
    Site(
        "the key for everybody",
        whole(front=FRONT.replace("    default_", FOR_ALL)) + back(name="web", to=5999),
        ("RTR008",),
    ),
)
HEALTHY = tuple(site for site in PROXIES if not site.roots)
FAULTY = tuple(site for site in PROXIES if site.roots)
