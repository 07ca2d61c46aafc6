"""What gateways have in common: the requests that are followed through, and what comes of them."""

GATEWAYS = frozenset({"nginx", "haproxy", "caddy"})
"""The kinds whose files are edited in place, and that are told of it by a reload."""
BY_HAND = frozenset({"traefik", "open-webui", "sillytavern"})
"""The kinds whose files are changed by a person's own hands."""
