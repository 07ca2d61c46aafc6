"""What to paste into gateways that no program should edit: the exact lines, per gateway."""

from __future__ import annotations

import re

_SNIPPETS = {
    "nginx": """\
# nginx, in the location that proxies to TabbyAPI; /etc/nginx/tabby_key.conf is root:root 0600
# and holds:  proxy_set_header Authorization "Bearer <api_key>";
include /etc/nginx/tabby_key.conf;""",
    "caddy": """\
# Caddyfile; the unit of Caddy gets TABBY_API_KEY by an EnvironmentFile= of mode 0600
reverse_proxy {url} {{
    header_up Authorization "Bearer {{env.TABBY_API_KEY}}"
    health_uri /health
}}""",
    "haproxy": """\
# haproxy.cfg, in the backend of TabbyAPI; double quotes, or the variable is not put in
http-request set-header Authorization "Bearer ${{TABBY_API_KEY}}"
option httpchk GET /health""",
    "traefik": """\
# Traefik's dynamic configuration
http:
  middlewares:
    tabby-key:
      headers:
        customRequestHeaders:
          Authorization: 'Bearer {{{{ env "TABBY_API_KEY" }}}}'""",
    "open-webui": """\
# Open WebUI: Admin Panel, Settings, Connections: URL {url}/v1, and the API key there.
# (OPENAI_API_BASE_URLS and OPENAI_API_KEYS count only before its first start.)""",
    "sillytavern": """\
# SillyTavern: API Connections, Text Completion, TabbyAPI: URL {url}, and the API key there.""",
}
_SIGNS = {
    "nginx": r"nginx|proxy_pass",
    "caddy": r"caddyfile|reverse_proxy",
    "haproxy": r"haproxy|\bbackend\s+\w+[^{]{0,500}\bserver\b",
    "traefik": r"traefik|loadBalancer",
    "open-webui": r"open-?webui|OPENAI_API_BASE_URL",
    "sillytavern": r"sillytavern",
}


def snippet(path: str, text: str, url: str) -> str:
    """For the gateway that a file seems to be of; for all of them where it tells nothing."""
    for kind, signs in _SIGNS.items():
        if re.search(signs, f"{path}\n{text}", re.IGNORECASE | re.DOTALL):
            return _SNIPPETS[kind].format(url=url)
    return every(url)


def every(url: str) -> str:
    """All of them."""
    return "\n\n".join(text.format(url=url) for text in _SNIPPETS.values())
