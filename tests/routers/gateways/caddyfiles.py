"""Caddyfiles in front of TabbyAPI, as `sites.py` has the sites of nginx."""

from __future__ import annotations

from tests.routers.gateways.sites import Site

OPTIONS = "{\n    admin off\n    auto_https off\n}\n"
TABBY = "127.0.0.1:5000"
KEYED = 'header_up Authorization "Bearer $KEY"'


def proxy(*lines: str, to: str = TABBY, matcher: str = "") -> str:
    """A reverse_proxy."""
    head = f"reverse_proxy {matcher} {to}".replace("  ", " ")
    return "\n".join([f"    {head} {{", *(f"        {line}" for line in lines), "    }"])


def site(*inside: str) -> str:
    """A site on 8080."""
    return f"{OPTIONS}http://127.0.0.1:8080 {{\n" + "\n".join(inside) + "\n}\n"


def within(head: str, *lines: str) -> str:
    """A block with a reverse_proxy in it."""
    return f"    {head} {{\n{proxy(*lines)}\n    }}"


SNIPPET = f"(keyed) {{\n    {KEYED}\n}}\n"
CHECKED = "health_interval 100ms"
CADDYFILES = (
    # in order
    Site("all of it", site(proxy(KEYED))),
    Site("below v1", site(proxy(KEYED, matcher="/v1/*"))),
    Site("in a handle", site(within("handle /v1/*", KEYED), "    respond 404")),
    Site("a prefix taken off", site(within("handle_path /llm/*", KEYED))),
    Site("a prefix taken off by uri", site(
        "    handle /llm/* {\n        uri strip_prefix /llm\n" + proxy(KEYED) + "\n    }"
    )),
    Site("in a route", site(
        "    route /llm/* {\n        uri strip_prefix /llm\n" + proxy(KEYED) + "\n    }"
    )),
    Site("v1 put before it", site(
        "    handle_path /ai/* {\n        rewrite * /v1{uri}\n" + proxy(KEYED) + "\n    }"
    )),
    Site("the key of the site", site('    request_header Authorization "Bearer $KEY"', proxy())),
    Site("asked by GET /health", site(proxy(KEYED, "health_uri /health", CHECKED))),
    Site("asked with the key", site(proxy(
        KEYED, "health_uri /v1/models", CHECKED,
        'health_headers {\n            Authorization "Bearer $KEY"\n        }',
    ))),
    Site("by a snippet", SNIPPET + site(proxy("import keyed"))[len(OPTIONS):]),
    Site("its callers have the key", site(
        '    @stranger not header Authorization "Bearer $KEY"\n    respond @stranger 401', proxy()
    )),
    Site("by a name", site("    @llm path /v1/* /health", proxy(KEYED, matcher="@llm"))),
    # not in order
    Site("no key", site(proxy()), ("RTR002",)),
    Site("the shortest", site(f"    reverse_proxy {TABBY}"), ("RTR002",)),
    Site("the caller's, said outright", site(
        proxy("header_up Authorization {http.request.header.Authorization}")
    ), ("RTR002",)),
    Site("taken out", site(proxy("header_up -Authorization")), ("RTR002",)),
    Site("without Bearer", site(proxy(KEYED.replace("Bearer ", ""))), ("RTR002",)),
    Site("another key", site(proxy(KEYED.replace("$KEY", "wrong-key-0123456789"))), ("RTR005",)),
    Site("the admin key", site(proxy(KEYED.replace("$KEY", "$ADMIN"))), ("RTR004",)),
    Site("half a minute", site(
        proxy(KEYED, "transport http {\n            response_header_timeout 30s\n        }")
    ), ("RTR014",)),
    Site("a minute without a byte", site(
        proxy(KEYED, "transport http {\n            read_timeout 1m\n        }")
    ), ("RTR014",)),
    Site("v1 taken off", site(within("handle_path /v1/*", KEYED)), ("RTR016",)),
    Site("a prefix kept", site(within("handle /llm/*", KEYED)), ("RTR016",)),
    Site("asked without a key", site(
        proxy(KEYED, "health_uri /v1/models", CHECKED)
    ), ("RTR001",)),
    Site("401 is fine", site(
        proxy(KEYED, "health_uri /v1/models", "health_status 4xx", CHECKED)
    ), ("RTR001", "RTR003")),
    Site("two ways, one without the key", site(
        within("handle /v1/*", KEYED), within("handle_path /llm/*")
    ), ("RTR002",)),
    Site("the key for everybody", site(
        '    request_header Authorization "Bearer $KEY"', proxy(matcher="/v1/*"),
        proxy(matcher="/web/*", to="127.0.0.1:5999"),
    ), ("RTR008",)),
)  # fmt: skip
HEALTHY = tuple(site for site in CADDYFILES if not site.roots)
FAULTY = tuple(site for site in CADDYFILES if site.roots)
