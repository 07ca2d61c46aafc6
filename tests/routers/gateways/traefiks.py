"""Configurations of Traefik in front of TabbyAPI, as `sites.py` has those of nginx: in YAML, in
TOML, and as a compose file's labels.
"""

from __future__ import annotations

from tests.routers.gateways.sites import Site

_TABBY = "http://127.0.0.1:5000"
KEYED = 'Authorization: "Bearer $KEY"'


def dynamic(
    rule: str = "PathPrefix(`/v1`)", more: str = "", key: str = KEYED, balancer: str = "",
    others: str = "",
) -> str:  # fmt: skip
    """A file in YAML with one router; `key` is the middleware that sets it."""
    names = ["key"] if key else []
    middlewares = f"""\
    key:
      headers:
        customRequestHeaders:
          {key}
"""
    if more:
        names.append("more")
    attached = f"      middlewares: [{', '.join(names)}]\n" if names else ""
    whole = (middlewares if key else "") + (f"    more:\n{more}" if more else "")
    return f"""\
http:
  routers:
    llm:
      rule: {rule}
{attached}      service: llm
{("  middlewares:" + chr(10) + whole) if whole else ""}{others}  services:
    llm:
      loadBalancer:
{balancer}        servers:
          - url: {_TABBY}
"""


def toml(rule: str = "PathPrefix(`/v1`)", key: str = KEYED, more: str = "") -> str:
    """The same in TOML."""
    header, _, value = key.partition(": ")
    own = "[http.middlewares.key.headers.customRequestHeaders]\n" + f"  {header} = {value}\n"
    attached = 'middlewares = ["key"]\n' if key else ""
    return f"""\
# ours
[http.routers.llm]
  rule = "{rule}"
  service = "llm"
  {attached}
{own if key else ""}
[[http.services.llm.loadBalancer.servers]]
  url = "{_TABBY}"
{more}"""


def labels(*given: str, mapping: bool = False) -> str:
    """A compose file whose service for TabbyAPI has some labels."""
    every = ("traefik.http.services.llm.loadbalancer.server.port=5000", *given)
    pairs = (one.partition("=") for one in every)
    lines = [f'{k}: "{v}"' if mapping else f'- "{k}={v}"' for k, _, v in pairs]
    inside = "\n".join(f"      {line}" for line in lines)
    return f"""\
services:
  tabbyapi:
    image: ghcr.io/theroyallab/tabbyapi:latest
    labels:
{inside}
"""


RULE = "traefik.http.routers.llm.rule=PathPrefix(`/v1`)"
SETS = "traefik.http.middlewares.key.headers.customrequestheaders.Authorization=Bearer $KEY"
USES = "traefik.http.routers.llm.middlewares=key"
STRIP = "      stripPrefix:\n        prefixes: [{}]\n"
CHECK = "        healthCheck:\n          path: {}\n          interval: 100ms\n"
SLOW = """\
  serversTransports:
    slow:
      forwardingTimeouts:
        responseHeaderTimeout: {}
"""
TRANSPORT = "        serversTransport: slow\n"
YAML_SITES = (
    # in order
    Site("all of it", dynamic()),
    Site("the whole host", dynamic("Host(`127.0.0.1`)")),
    Site("a prefix taken off", dynamic("PathPrefix(`/llm`)", STRIP.format("/llm"))),
    Site("v1 put before it", dynamic("PathPrefix(`/ai`)", (
        "      chain:\n        middlewares: [off, on]\n"
        "    off:\n      stripPrefix:\n        prefixes: [/ai]\n"
        "    on:\n      addPrefix:\n        prefix: /v1\n"
    ))),
    Site("taken off by expression", dynamic(
        "PathPrefix(`/llm`)",
        "      replacePathRegex:\n        regex: ^/llm/(.*)\n        replacement: /$1\n",
    )),
    Site("taken off by a pattern of a prefix", dynamic(
        "PathPrefix(`/llm`)", "      stripPrefixRegex:\n        regex: ['/l+m']\n"
    )),
    Site("by a chain", dynamic(key="", more=(
        "      chain:\n        middlewares: [inner]\n"
        f"    inner:\n      headers:\n        customRequestHeaders:\n          {KEYED}\n"
    ))),
    Site("of the environment", dynamic(
        key="Authorization: 'Bearer {{ env \"TABBY_API_KEY\" }}'"
    )),
    Site("in other letters", dynamic().replace("customRequestHeaders", "customrequestheaders")
         .replace("loadBalancer", "loadbalancer")),
    Site("asked by GET /health", dynamic(balancer=CHECK.format("/health"))),
    Site("time enough", dynamic(balancer=TRANSPORT, others=SLOW.format("10m"))),
    # not in order
    Site("no key", dynamic(key=""), ("RTR002",)),
    Site("another header", dynamic(key="X-Other: abc"), ("RTR002",)),
    Site("without Bearer", dynamic(key='Authorization: "$KEY"'), ("RTR002",)),
    Site("taken out", dynamic(key='Authorization: ""'), ("RTR002",)),
    Site("not attached", dynamic().replace("      middlewares: [key]\n", ""), ("RTR002",)),
    Site("another key", dynamic(key="Authorization: Bearer wrong-key-0123456789"), ("RTR005",)),
    Site("the admin key", dynamic(key='Authorization: "Bearer $ADMIN"'), ("RTR004",)),
    Site("v1 taken off", dynamic(more=STRIP.format("/v1")), ("RTR016",)),
    Site("a prefix kept", dynamic("PathPrefix(`/llm`)"), ("RTR016",)),
    Site("half a minute", dynamic(balancer=TRANSPORT, others=SLOW.format("30s")), ("RTR014",)),
    Site("asked without a key", dynamic(balancer=CHECK.format("/v1/models")), ("RTR001",)),
)  # fmt: skip
TOML_SITES = (
    Site("all of it", toml()),
    Site("no key", toml(key=""), ("RTR002",)),
    Site("another key", toml(key='Authorization: "Bearer wrong-key-0123456789"'), ("RTR005",)),
    Site("a prefix kept", toml("PathPrefix(`/llm`)"), ("RTR016",)),
    Site("half a minute", toml(more=(
        '[http.services.llm.loadBalancer]\n  serversTransport = "slow"\n'
        '[http.serversTransports.slow.forwardingTimeouts]\n  responseHeaderTimeout = "30s"\n'
    )), ("RTR014",)),
)  # fmt: skip
LABEL_SITES = (
    Site("all of it", labels(RULE, SETS, USES)),
    Site("as a mapping", labels(RULE, SETS, USES, mapping=True)),
    Site("two middlewares", labels(
        "traefik.http.routers.llm.rule=PathPrefix(`/llm`)", SETS,
        "traefik.http.middlewares.off.stripprefix.prefixes=/llm",
        "traefik.http.routers.llm.middlewares=off,key@docker",
    )),
    Site("no key", labels(RULE), ("RTR002",)),
    Site("no key, as a mapping", labels(RULE, mapping=True), ("RTR002",)),
    Site("not attached", labels(RULE, SETS), ("RTR002",)),
    Site("another key", labels(
        RULE, SETS.replace("$KEY", "wrong-key-0123456789"), USES
    ), ("RTR005",)),
    Site("the admin key", labels(RULE, SETS.replace("$KEY", "$ADMIN"), USES), ("RTR004",)),
    Site("a prefix kept", labels(
        "traefik.http.routers.llm.rule=PathPrefix(`/llm`)", SETS, USES
    ), ("RTR016",)),
)  # fmt: skip
EVERY = tuple(
    (path, site)
    for path, sites in (
        ("/etc/traefik/dynamic/llm.yml", YAML_SITES),
        ("/etc/traefik/dynamic/llm.toml", TOML_SITES),
        ("/srv/llm/compose.yaml", LABEL_SITES),
    )
    for site in sites
)
