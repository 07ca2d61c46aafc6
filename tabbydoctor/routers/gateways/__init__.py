"""What gateways have in common: the requests that are followed through, and what comes of them."""

BY_HAND = frozenset({"nginx", "haproxy", "caddy", "traefik", "open-webui", "sillytavern"})
"""The kinds whose files are changed by a person's own hands."""
