"""Sites of nginx in front of TabbyAPI: the roots that each is to have, the gravest first.

TabbyAPI is at 127.0.0.1:5000, another backend at 5999; `$KEY` is its API key, `$ADMIN` its admin
key; the site listens on 8080.
"""

from __future__ import annotations

from dataclasses import dataclass

KEYED = 'proxy_set_header Authorization "Bearer $KEY"; proxy_read_timeout 600s;'


@dataclass(frozen=True)
class Site:
    """One site."""

    name: str
    text: str
    roots: tuple[str, ...] = ()
    """Empty for one in order."""
    host: str = "127.0.0.1"
    """By which it is asked."""


def server(inside: str, name: str = "") -> str:
    """A server on 8080."""
    return f"server {{\n    listen 127.0.0.1:8080;\n    {name}\n{inside}\n}}\n"


def location(what: str, to: str, more: str = KEYED) -> str:
    """A location that passes requests on."""
    return f"    location {what} {{\n        proxy_pass {to};\n        {more}\n    }}"


TABBY = "http://127.0.0.1:5000"
SITES = (
    # in order
    Site("all of it", server(location("/", TABBY))),
    Site("below v1", server(location("/v1/", TABBY))),
    Site("v1 without a slash", server(location("/v1", TABBY))),
    Site("v1 to v1", server(location("/v1/", f"{TABBY}/v1/"))),
    Site("a prefix taken off", server(location("/llm/", f"{TABBY}/"))),
    Site("a prefix that is the base", server(location("/ai/", f"{TABBY}/v1/"))),
    Site(
        "an upstream group",
        "upstream tabby { server 127.0.0.1:5000; keepalive 8; }\n"
        + server(location("/v1/", "http://tabby")),
    ),
    Site("by expression", server(location("~ ^/v1/(.*)$", TABBY))),
    Site(
        "rewritten",
        server(location("/llm/", TABBY, f"rewrite ^/llm/(.*)$ /$1 break; {KEYED}")),
    ),
    Site(
        "headers of the server",
        server(f"    {KEYED}\n" + location("/v1/", TABBY, "")),
    ),
    Site(
        "its callers have the key",
        server(
            '    if ($http_authorization != "Bearer $KEY") { return 401; }\n'
            + location("/v1/", TABBY, "proxy_read_timeout 600s;")
        ),
    ),
    Site(
        "in X-Api-Key",
        server(
            location("/", TABBY, KEYED.replace('Authorization "Bearer $KEY"', 'X-Api-Key "$KEY"'))
        ),
    ),
    Site(
        "a health route beside it",
        server(location("/v1/", TABBY) + "\n" + location("= /health", TABBY, "")),
    ),
    Site(
        "other sites beside it",
        server(location("/", "http://127.0.0.1:5999", ""), "server_name web.example;")
        + server(location("/", TABBY), "server_name llm.example;"),
        host="llm.example",
    ),
    Site(
        "a key from a variable that is set",
        server(
            '    set $tabby_key "$KEY";\n'
            + location("/", TABBY, KEYED.replace("$KEY", "$tabby_key"))
        ),
    ),
    # not in order
    Site("no key", server(location("/", TABBY, "proxy_read_timeout 600s;")), ("RTR002",)),
    Site("no key, a minute", server(location("/", TABBY, "")), ("RTR002", "RTR014")),
    Site(
        "an inner header cancels the key",
        server(
            f"    {KEYED}\n" + location("/v1/", TABBY, "proxy_set_header X-Real-IP $remote_addr;")
        ),
        ("RTR002",),
    ),
    Site(
        "the key is emptied",
        server(location("/", TABBY, 'proxy_set_header Authorization ""; proxy_read_timeout 600s;')),
        ("RTR002",),
    ),
    Site(
        "the caller's, said outright",
        server(
            location(
                "/",
                TABBY,
                "proxy_set_header Authorization $http_authorization; proxy_read_timeout 600s;",
            )
        ),
        ("RTR002",),
    ),
    Site("without Bearer", server(location("/", TABBY, KEYED.replace("Bearer ", ""))), ("RTR002",)),
    Site(
        "another key",
        server(location("/", TABBY, KEYED.replace("$KEY", "wrong-key-0123456789"))),
        ("RTR005",),
    ),
    Site(
        "the admin key", server(location("/", TABBY, KEYED.replace("$KEY", "$ADMIN"))), ("RTR004",)
    ),
    Site(
        "a placeholder",
        server(location("/", TABBY, KEYED.replace("$KEY", "changeme"))),
        ("RTR002",),
    ),
    Site("a minute", server(location("/", TABBY, KEYED.partition(";")[0] + ";")), ("RTR014",)),
    Site(
        "half a minute",
        server(
            "    proxy_read_timeout 30;\n" + location("/", TABBY, KEYED.partition(";")[0] + ";")
        ),
        ("RTR014",),
    ),
    Site("v1 stripped", server(location("/v1/", f"{TABBY}/")), ("RTR016",)),
    Site("v1 stripped without a slash", server(location("/v1", f"{TABBY}/")), ("RTR016",)),
    Site("v1 doubled", server(location("/v1/", f"{TABBY}/v1/v1/")), ("RTR016",)),
    Site("v1 before v1", server(location("/v1", f"{TABBY}/v1/v1")), ("RTR016",)),
    Site("a prefix kept", server(location("/llm/", TABBY)), ("RTR016",)),
    Site("a slash too few", server(location("/llm/", f"{TABBY}/v1")), ("RTR016",)),
    Site(
        "rewritten wrongly",
        server(location("/v1/", TABBY, f"rewrite ^/v1/(.*)$ /$1 break; {KEYED}")),
        ("RTR016",),
    ),
    Site(
        "the key for everybody",
        server(
            f"    {KEYED}\n"
            + location("/v1/", TABBY, "")
            + "\n"
            + location("/web/", "http://127.0.0.1:5999", "")
        ),
        ("RTR008",),
    ),
    Site(
        "the key for all of a group",
        "upstream models { server 127.0.0.1:5000; server 127.0.0.1:5999; }\n"
        + server(location("/v1/", "http://models")),
        ("RTR008", "RTR012"),
    ),
    Site(
        "deaf to TabbyAPI's word on streams",
        server(location("/", TABBY, f"proxy_ignore_headers X-Accel-Buffering; {KEYED}")),
        ("RTR020",),
    ),
    Site(
        "two ways, one without the key",
        server(
            location("/v1/", TABBY)
            + "\n"
            + location("/llm/", f"{TABBY}/", "proxy_read_timeout 600s;")
        ),
        ("RTR002",),
    ),
    Site(
        "shadowed by an expression",
        server(
            location("/v1/", TABBY)
            + "\n"
            + location("~ ^/v1/chat", TABBY, "proxy_read_timeout 600s;")
        ),
        ("RTR002",),
    ),
)
HEALTHY = tuple(site for site in SITES if not site.roots)
FAULTY = tuple(site for site in SITES if site.roots)
